import { expect, setDefaultTimeout, test } from 'bun:test'
import { describeWithClients } from './clients.ts'
import { startDockerRegistry } from './docker-registry.ts'
import { digestOf } from './fixtures.ts'
import { registryClient } from './registry-client.ts'

setDefaultTimeout(60_000)

describeWithClients(
  ['docker-registry'],
  'docker-registry with a certificate of its own authority and a password',
  () => {
    test('serves only who trusts the authority and knows the password', async () => {
      const credentials = { username: 'robot', password: 'secret' }
      const registry = await startDockerRegistry({ tls: true, credentials, deletes: false })
      const content = new TextEncoder().encode('content')
      const digest = digestOf(content)
      const trusted = registryClient(registry.url, 'a/b', { ca: registry.ca, credentials })
      await trusted.pushBlob(digest, content)
      expect(digestOf((await trusted.getBlob(digest)).bytes)).toBe(digest)
      expect((await registryClient(registry.url, 'a/b', { ca: registry.ca }).getBlob(digest)).status).toBe(401)
      const wrong = { username: 'robot', password: 'wrong' }
      expect(
        (await registryClient(registry.url, 'a/b', { ca: registry.ca, credentials: wrong }).getBlob(digest)).status,
      ).toBe(401)
      await expect(registryClient(registry.url, 'a/b', { credentials }).getBlob(digest)).rejects.toThrow('certificate')
      expect((await trusted.send(`blobs/${digest}`, { method: 'DELETE' })).status).toBe(405)
      await registry.stop()
    })
  },
)
