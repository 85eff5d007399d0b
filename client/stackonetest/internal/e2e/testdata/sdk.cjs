// Calls the fake with StackOne's TypeScript SDK, and prints the outcome of each
// call as a line of JSON: [name, result] or [name, {error, statusCode, message}].
const { StackOne } = require("@stackone/stackone-client-ts");
const { HTTPClient } = require("@stackone/stackone-client-ts/lib/http.js");
const { version } = require("@stackone/stackone-client-ts/package.json");

const { STACKONE_URL: serverURL, STACKONE_API_KEY: username } = process.env;

// Version 4.28.0 requires organization_id to be a number, as it was until late 2025.
const httpClient = new HTTPClient({
  fetcher: async (input, init) => {
    const response = await fetch(input, init);
    if (version !== "4.28.0") return response;
    return new Response((await response.text()).replace(/"organization_id":"(\d+)"/, '"organization_id":$1'), response);
  },
});
const sdk = (key) => new StackOne({ serverURL, httpClient, security: { username: key, password: "" } }).connectSessions;

async function call(name, promise) {
  let result;
  try {
    result = await promise;
  } catch (error) {
    result = { error: error.constructor.name, statusCode: error.statusCode, message: error.message };
  }
  console.log(JSON.stringify([name, result]));
  return result;
}

(async () => {
  const acme = { originOwnerId: "acme", originOwnerName: "Acme" };
  await call("wrong key", sdk("mistyped").createConnectSession(acme));
  const created = await call("create", sdk(username).createConnectSession(acme));
  await call("create all", sdk(username).createConnectSession({
    ...acme, originUsername: "jo", provider: "bamboohr", categories: ["hris", "ats"], accountId: "older",
    connectorProfileId: "profile", label: "label", expiresIn: 3600, multiple: true, metadata: { plan: "pro" }, type: "test",
  }));
  const { token } = created.connectSessionTokenAuthLink;
  await call("authenticate", sdk(username).authenticateConnectSession({ token }));
  await call("unknown token", sdk(username).authenticateConnectSession({ token: "unknown" }));
  for (const status of [400, 403, 404, 409, 422, 500, 501, 502]) {
    await call("fault " + status, sdk(username).createConnectSession(acme));
  }
  await call("after 429 and 408", sdk(username).createConnectSession(acme));
})();
