// A token service that repeats what it was sent: neither the run, nor the mirror, nor the database tells the upstream's password.
import { expect, test } from 'bun:test'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { scriptedRegistry } from '../remote/scripted-registry.ts'
import { catalogIsRead } from '../support/catalog.ts'
import { OWNER, startWholeServer } from '../support/whole-server.ts'

const SECRET = 'Tr0ub4dor&3-correct/horse'

test('an echo of the Authorization header in every form ends nowhere', async () => {
  let isEchoing = false
  await using registry = scriptedRegistry(({ path, headers }, origin) => {
    if (path.startsWith('/token')) {
      if (!isEchoing) return Response.json({ token: 'good', expires_in: 1 })
      const sent = headers.get('authorization') ?? ''
      const plain = Buffer.from(sent.replace('Basic ', ''), 'base64').toString()
      const forms = [
        sent,
        plain,
        encodeURIComponent(plain),
        Buffer.from(plain).toString('hex'),
        Buffer.from(`x${sent}`).toString('base64'),
      ]
      return Response.json({ details: forms.join(' ') }, { status: 401 })
    }
    if (!isEchoing && headers.get('authorization') === 'Bearer good') return Response.json({ name: 'app', tags: [] })
    return new Response('', { status: 401, headers: { 'www-authenticate': `Bearer realm="${origin}/token"` } })
  })
  const server = await startWholeServer()
  try {
    const body = { name: 'echo', url: registry.url, organization: 'acme', username: 'robot', password: SECRET }
    expect((await server.call('POST', '/upstreams', { login: OWNER, body })).status).toBeLessThan(300)
    const { mirrors } = server.server
    const request = { organization: 'acme', upstream: 'echo', repository: 'app', by: 'user:owner' }
    const { mirror, run } = await mirrors.start(request)
    await mirrors.wait(run.id)
    isEchoing = true
    const again = await mirrors.sync(mirror.id, { full: true })
    const ended = await mirrors.wait(again.run.id)
    expect(ended.failures[0]?.code).toBe('UPSTREAM_DENIED')

    await server.call('GET', '/catalog?upstream=echo&organization=acme', { login: OWNER })
    await catalogIsRead(server, 'echo', 'acme')
    const answers = await Promise.all(
      [`/catalog?upstream=echo&organization=acme`, '/mirrors', `/mirrors/${mirror.id}`].map((path) =>
        server.call('GET', path, { login: OWNER }),
      ),
    )
    const files = readdirSync(server.directory, { withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name.includes('sqlite'))
      .map(({ name }) => readFileSync(join(server.directory, name)).toString('latin1'))
    expect(files.join('').includes('[redacted]')).toBe(true)
    const told = [JSON.stringify([ended, await mirrors.show(mirror.id)]), ...answers.map(({ text }) => text), ...files]
    for (const form of [
      SECRET,
      encodeURIComponent(SECRET),
      Buffer.from(SECRET).toString('hex'),
      Buffer.from(`robot:${SECRET}`).toString('base64'),
      Buffer.from(`xBasic ${Buffer.from(`robot:${SECRET}`).toString('base64')}`)
        .toString('base64')
        .slice(12, 40),
    ]) {
      expect(told.filter((text) => text.includes(form))).toEqual([])
    }
  } finally {
    await server.stop()
  }
})
