// The TypeScript SDK, version 2, over Node's own fetch, written as its documentation teaches.
import { McpServer } from "@modelcontextprotocol/server";
import { serveStdio } from "@modelcontextprotocol/server/stdio";
import * as z from "zod/v4";

const field = z.string().nullish();
const contact = z.object({
  contact_id: z.string(),
  phone_no: field,
  first_name: field,
  last_name: field,
  email_id: field,
  company: field,
  job_title: field,
});
const page = z.object({
  contacts: z.array(contact),
  count: z.number().int(),
  has_more: z.boolean(),
  page_state: z.string().nullable(),
});

async function ask(body) {
  const response = await fetch(`${process.env.TELECMI_BASE_URL}/v3/contact/get`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ token: process.env.TELECMI_TOKEN, ...body }),
    signal: AbortSignal.timeout(30_000),
  });
  if (!response.ok) throw new Error(`HTTP ${response.status}`);
  const answer = await response.json();
  if (answer.code !== 200) throw new Error(answer.msg);
  return answer;
}

function result(facts) {
  return { content: [{ type: "text", text: JSON.stringify(facts) }], structuredContent: facts };
}

serveStdio(() => {
  const server = new McpServer({ name: "telecmi", version: "1.0.0" });

  server.registerTool(
    "get_contact",
    {
      description: "Read one contact by its id.",
      inputSchema: z.object({ contact_id: z.string().describe("The contact's id, a UUID.") }),
      outputSchema: contact,
    },
    async ({ contact_id }) => result((await ask({ contact_id })).contacts[0]),
  );

  server.registerTool(
    "list_contacts",
    {
      description: "Read the organisation's contacts page by page.",
      inputSchema: z.object({
        limit: z.number().int().min(1).max(100).default(10).describe("Contacts per page."),
        page_state: z.string().optional().describe("Cursor from the page before."),
      }),
      outputSchema: page,
    },
    async ({ limit, page_state }) => {
      const answer = await ask({ limit, page_state });
      const next = answer.page_state || null;
      return result({ contacts: answer.contacts, count: answer.count, has_more: next !== null, page_state: next });
    },
  );

  return server;
});
