// A real identity provider on loopback: node provider.mjs FOLDER PORT, where FOLDER holds node_modules.
// It gives JWT access tokens for whatever resource a client names, and has a new key at each start. Programs get them with
// a secret, people by signing in on its pages, with any password. Clients register themselves, or are known already, or
// have a metadata document, which is in the environment instead of the network.
import { generateKeyPairSync } from "node:crypto";
import { pathToFileURL } from "node:url";

const [folder, port] = process.argv.slice(2);
const { Provider } = await import(pathToFileURL(`${folder}/node_modules/oidc-provider/lib/index.js`).href);

const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const issuer = `http://127.0.0.1:${port}`;
const known = JSON.parse(process.env.OIDC_KNOWN_CLIENT);
const documented = JSON.parse(process.env.OIDC_DOCUMENTED_CLIENT);
const provider = new Provider(issuer, {
  clients: [
    {
      client_id: "agent",
      client_secret: process.env.OIDC_CLIENT_SECRET,
      grant_types: ["client_credentials"],
      redirect_uris: [],
      response_types: [],
      token_endpoint_auth_method: "client_secret_basic",
      id_token_signed_response_alg: "ES256",
    },
    known,
  ],
  clientDefaults: { id_token_signed_response_alg: "ES256" },
  scopes: ["openid", "offline_access", "contacts:read"],
  jwks: { keys: [{ ...privateKey.export({ format: "jwk" }), use: "sig" }] },
  cookies: { keys: ["unused"] },
  fetch: async (url) => (String(url) === documented.client_id ? Response.json(documented) : Response.error()),
  features: {
    devInteractions: { enabled: true }, // the pages to sign in and to consent
    registration: { enabled: true },
    clientIdMetadataDocument: { enabled: true, ack: "draft-02" },
    clientCredentials: { enabled: true },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: (_, resource) => ({
        scope: "contacts:read contacts:write",
        audience: resource,
        accessTokenFormat: "jwt",
        accessTokenTTL: 300,
        jwt: { sign: { alg: "ES256" } },
      }),
    },
  },
});
provider.listen(Number(port), "127.0.0.1", () => console.log("ready"));
