// The quirk registry itself, asked by the tests' own client: without a quirk it is a registry, and each quirk shows.
import { expect, test } from 'bun:test'
import { compareMirror } from './compare.ts'
import { fixtureLayout, testWithFixtures } from './fixtures.ts'
import { freshContent, ociRequests } from './oci-requests.ts'
import { pushLayout } from './push-layout.ts'
import { type Quirks, startQuirkRegistry, USER } from './quirk-registry.ts'

testWithFixtures('what was pushed is served, with all that belongs to it', async () => {
  await using registry = await startQuirkRegistry({ signIn: 'bearer' })
  const layout = fixtureLayout('oras-tree')
  const target = { url: registry.url, repository: 'team/app', credentials: USER }
  await pushLayout(layout, registry.url, 'team/app', { credentials: USER })
  expect(await compareMirror(layout, target, { fallbackTags: 'tags' })).toEqual([])
  expect([...registry.uploads.values()].every((count) => count === 1)).toBe(true)
  expect(registry.identicalPuts).toEqual([])
  await pushLayout(layout, registry.url, 'team/app', { credentials: USER })
  expect([...registry.uploads.values()].every((count) => count === 1)).toBe(true)
  expect(registry.identicalPuts.length).toBeGreaterThan(0)
})

async function begin(quirks: Quirks) {
  const registry = await startQuirkRegistry(quirks)
  const client = ociRequests(registry.url, 'team/app', null)
  return { registry, client, [Symbol.asyncDispose]: () => registry[Symbol.asyncDispose]() }
}

test('missing repositories, and the end of a connection', async () => {
  await using found = await begin({ missingRepository: 404 })
  expect((await found.client.send('POST', 'blobs/uploads/')).status).toBe(404)
  await using dropped = await begin({ missingRepository: 'drop' })
  expect(dropped.client.send('POST', 'blobs/uploads/')).rejects.toThrow()
})

test('chunks: a cap with Content-Range, a Range that stays, a PATCH that replaces', async () => {
  const chunk = freshContent(100)
  const patch = async (quirks: Quirks) => {
    const { registry, client } = await begin(quirks)
    await using _ = registry
    const location = (await client.send('POST', 'blobs/uploads/')).headers.get('location') ?? ''
    const send = (from: number) =>
      client.send('PATCH', location, {
        headers: { 'content-range': `${from}-${from + 99}`, 'content-type': 'application/octet-stream' },
        body: chunk.bytes,
      })
    const answers = [await send(0), await send(100)]
    return answers.map(({ status, headers }) => `${status} ${headers.get('range')}`)
  }
  expect(await patch({})).toEqual(['202 0-99', '202 0-199'])
  expect(await patch({ largestChunkBytes: 50 })).toEqual(['416 0-0', '416 0-0'])
  expect(await patch({ patchIsStuck: true })).toEqual(['201 0-99', '201 0-99'])
  expect(await patch({ patchOverwrites: true })).toEqual(['202 0-99', '202 0-99'])
})

test('signed storage takes nobody who says who he is', async () => {
  await using one = await begin({ location: 'elsewhere' })
  const location = (await one.client.send('POST', 'blobs/uploads/')).headers.get('location') ?? ''
  expect(new URL(location).origin).not.toBe(one.registry.url)
  expect((await fetch(location, { method: 'PATCH', body: 'x', headers: { authorization: 'Bearer x' } })).status).toBe(
    400,
  )
  expect((await fetch(location, { method: 'PATCH', body: 'x' })).status).toBe(202)
})

test('limits by kind end, and tell when', async () => {
  await using one = await begin({ limit: { kind: 'upload-begin', after: 1, refusals: 1, retryAfter: '7' } })
  const begun = async () => (await one.client.send('POST', 'blobs/uploads/')).status
  expect([await begun(), await begun(), await begun()]).toEqual([202, 429, 202])
})
