// The official TypeScript SDK's client, version 1 and version 2: what it sees of the server, as one JSON object.
//
// node typescript.mjs v1|v2 legacy|modern sandbox|stage|team|mismatch SERVER [STAGE]
//
// SERVER is the command that starts the server, or the https address of a team server, for which TELECMI_TEST_KEY is
// the access key; STAGE is the address of the pretend TeleCMI behind it, which waits for
// this program where an order of events matters (see stage.py).

const JOHN = "d3b07384-d113-4ec5-a5ae-be81d6e3c239";
const HELD = "00000000-0000-4000-8000-000000000000";
const [sdk, era, play, command, stage] = process.argv.slice(2);

// The two versions differ in where things are imported from, in who chooses the era, and in callTool's parameters.
const versions = {
  v1: async () => {
    const { Client } = await import("@modelcontextprotocol/sdk/client/index.js");
    const { StdioClientTransport } = await import("@modelcontextprotocol/sdk/client/stdio.js");
    const { StreamableHTTPClientTransport } = await import("@modelcontextprotocol/sdk/client/streamableHttp.js");
    const client = new Client({ name: "typescript-v1", version: "1" });
    const transports = { StdioClientTransport, StreamableHTTPClientTransport };
    return { client, ...transports, callTool: (call, options) => client.callTool(call, undefined, options) };
  },
  v2: async () => {
    const { Client, StreamableHTTPClientTransport } = await import("@modelcontextprotocol/client");
    const { StdioClientTransport } = await import("@modelcontextprotocol/client/stdio");
    const mode = era === "modern" ? { pin: "2026-07-28" } : "legacy";
    const client = new Client({ name: "typescript-v2", version: "1" }, { versionNegotiation: { mode } });
    const transports = { StdioClientTransport, StreamableHTTPClientTransport };
    return { client, ...transports, callTool: (call, options) => client.callTool(call, options) };
  },
};
const { client, StdioClientTransport, StreamableHTTPClientTransport, callTool } = await versions[sdk]();

async function call(name, args, options) {
  const { isError = false, structuredContent = null, content } = await callTool({ name, arguments: args }, options);
  return { isError, structured: structuredContent, text: content.map((part) => part.text).join("") };
}

async function walk(limit) {
  const pages = [];
  for (let pageState = ""; pageState !== undefined && pages.length < 20; ) {
    const { structured } = await call("list_contacts", pageState ? { limit, page_state: pageState } : { limit });
    pages.push(structured);
    pageState = structured.has_more ? structured.page_state : undefined;
  }
  return pages;
}

const tell = (what) => fetch(`${stage}/${what}`);

async function progress() {
  const told = [];
  const onprogress = ({ progress, total, message }) => {
    told.push([progress, total, message]);
    tell("told");
  };
  await call("search_contacts", { query: "nobody has this name" }, { onprogress });
  return told;
}

async function cancellation() {
  const abort = new AbortController();
  const held = call("get_contact", { contact_id: HELD }, { signal: abort.signal });
  const outcome = held.then(
    () => "answered",
    () => "given up",
  );
  await tell("held");
  const meanwhile = await call("get_contact", { contact_id: JOHN }); // two calls at once
  abort.abort("the user changed their mind");
  await tell("abandoned");
  return { meanwhile, outcome: await outcome, after: await call("get_contact", { contact_id: JOHN }) };
}

const plays = {
  sandbox: async () => ({
    pages: await walk(40),
    contact: await call("get_contact", { contact_id: JOHN }),
    found: await call("search_contacts", { query: "John" }),
    refused: await call("get_contact", { contact_id: "x" }),
  }),
  stage: async () => ({ pages: await walk(50), progress: await progress(), ...(await cancellation()) }),
  team: async () => ({
    progress: await progress(),
    pages: await walk(40),
    contact: await call("get_contact", { contact_id: JOHN }),
    found: await call("search_contacts", { query: "John" }),
    refused: await call("get_contact", { contact_id: "x" }),
    ...(era === "modern" ? await cancellation() : {}), // without sessions, the older era has no way to cancel
  }),
  mismatch: () =>
    call("get_contact", { contact_id: JOHN }).then(
      () => ({ outcome: "accepted" }),
      (error) => ({ outcome: "refused", error: String(error) }),
    ),
};

function transport() {
  if (!command.startsWith("https://")) return new StdioClientTransport({ command, stderr: "inherit" });
  const headers = { Authorization: `Bearer ${process.env.TELECMI_TEST_KEY}` };
  return new StreamableHTTPClientTransport(new URL(command), { requestInit: { headers } });
}

await client.connect(transport());
const server = client.getServerVersion();
const { tools } = await client.listTools(); // from here on the client knows the output schemas
const seen = { server, tools: tools.map((tool) => tool.name), ...(await plays[play]()) };
await client.close();
console.log(JSON.stringify(seen));
