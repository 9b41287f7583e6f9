// Drives a FHIR service with fhir-kit-client and prints what came of it, one word an interaction.
import { Client } from 'fhir-kit-client';
const [baseUrl, token, number, bundle] = process.argv.slice(2);
const client = new Client({ baseUrl, bearerToken: token });
const resourceType = 'Patient', said = {}, ids = [];
const identifier = [{ system: 'http://partner.example/mrn', value: number }];
const person = { resourceType, identifier };
for (let n = 0; n < 5; n += 1) ids.push((await client.create({ resourceType, body: person })).id);
const [id] = ids;
said.read = (await client.read({ resourceType, id })).id === id;
const body = { ...person, id, gender: 'male' };
said.update = (await client.update({ resourceType, id, body })).meta.versionId;
const jsonPatch = [{ op: 'replace', path: '/gender', value: 'other' }];
said.patch = (await client.patch({ resourceType, id, jsonPatch })).gender;
said.vread = (await client.vread({ resourceType, id, version: '2' })).gender;
const history = await client.history({ resourceType, id });
said.history = history.entry.map((entry) => entry.response.etag);
const searchParams = { identifier: number, _count: 2 };
let page = await client.search({ resourceType, searchParams });
said.pages = [];
while (page) {
  said.pages.push(page.entry.length);
  page = await client.nextPage({ bundle: page });
}
const posted = await client.search({ resourceType, searchParams, options: { postSearch: true } });
said.posted = posted.entry.length;
const done = await client.transaction({ body: JSON.parse(bundle) });
said.transaction = done.entry.map((entry) => entry.response.status.slice(0, 3));
await client.delete({ resourceType, id });
try {
  await client.read({ resourceType, id });
} catch (error) {
  said.gone = error.response.status;
}
const asked = { name: '$everything', resourceType, id: ids[1], method: 'GET' };
said.everything = (await client.operation(asked)).type;
said.fhirVersion = (await client.capabilityStatement()).fhirVersion;
console.log(JSON.stringify(said));
