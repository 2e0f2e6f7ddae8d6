// `webhook listen`: what a developer sees, and what reaches the local port.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Webhook } from 'standardwebhooks'
import { hubPayloadSchema } from '../../src/api/webhook-payload.ts'
import { type CommandLineUser, signInOwner } from '../support/command-line.ts'
import { emptyIndexPushed } from '../support/empty-index.ts'
import { OWNER, startWholeServer, type WholeServer } from '../support/whole-server.ts'

let kagami: WholeServer
let owner: CommandLineUser
let seq = 0
beforeAll(async () => {
  kagami = await startWholeServer()
  owner = await signInOwner(kagami)
  await kagami.call('POST', '/repositories', { login: OWNER, body: { name: 'acme/app' } })
  await emptyIndexPushed(kagami.url, 'acme/app', '1.0', OWNER)
  await emptyIndexPushed(kagami.url, 'acme/app', '1.1', OWNER)
})
afterAll(() => kagami.stop())

function receiver(status = 200) {
  const posts: { headers: Headers; body: string }[] = []
  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    async fetch(request) {
      posts.push({ headers: request.headers, body: await request.text() })
      return new Response('thanks', { status })
    },
  })
  return { posts, url: `http://127.0.0.1:${server.port}/hook`, stop: () => server.stop(true) }
}

test('shows each event on a line, and as a document', async () => {
  const text = await owner.run([
    'webhook',
    'listen',
    'acme/app',
    '--after',
    '0',
    '--events',
    'tag.moved',
    '--count',
    '2',
  ])
  expect([text.status, text.stderr]).toEqual([0, ''])
  const lines = text.stdout.split('\n')
  expect(lines.map((line) => line.split('  ').slice(1, 3))).toEqual([
    ['tag.moved', 'acme/app:1.0'],
    ['tag.moved', 'acme/app:1.1'],
  ])
  expect(lines[0]).toMatch(/ nothing → sha256:[0-9a-f]{12}$/)
  const json = await owner.run(['webhook', 'listen', 'acme', '--after', '0', '--tags', '1.1', '--count', '1', '--json'])
  const told = JSON.parse(json.stdout)
  expect([told.kind, told.tag, told.repository, told.forwarded]).toEqual(['tag.moved', '1.1', 'acme/app', null])
  seq = told.seq
})

test('posts to a local port, signed with the secret that it prints', async () => {
  const local = receiver()
  try {
    const listening = owner.run([
      'webhook',
      'listen',
      'acme/app',
      '--forward',
      local.url,
      '--after',
      String(seq),
      '--count',
      '1',
    ])
    await emptyIndexPushed(kagami.url, 'acme/app', '1.2', OWNER)
    const ended = await listening
    expect([ended.status, ended.stdout.endsWith('→ 200 OK')]).toEqual([0, true])
    const secret = /whsec_\S+/.exec(ended.stderr)?.[0] ?? ''
    const [post] = local.posts
    if (post === undefined) throw new Error('nothing was posted')
    const headers = Object.fromEntries(post.headers)
    expect(hubPayloadSchema.parse(new Webhook(secret).verify(post.body, headers)).push_data?.tag).toBe('1.2')
    expect(() => new Webhook(secret).verify(post.body.replace('1.2', '6.6'), headers)).toThrow()
    expect(headers['content-type']).toBe('application/json')
  } finally {
    await local.stop()
  }
})

test('goes on past a receiver that refuses or is not there, says what it said, and ends as failed', async () => {
  const local = receiver(503)
  const args = [
    'webhook',
    'listen',
    'acme/app',
    '--after',
    '0',
    '--events',
    'tag.moved',
    '--count',
    '2',
    '--format',
    'slack',
  ]
  const refused = await owner.run([...args, '--forward', local.url])
  await local.stop()
  expect([refused.status, local.posts.length]).toEqual([1, 2])
  expect(refused.stdout.split('\n').every((line) => line.endsWith('→ 503 Service Unavailable'))).toBe(true)
  const absent = await owner.run([...args, '--forward', local.url])
  expect([absent.status, absent.stdout.split('\n').length]).toEqual([1, 2])
  expect(absent.stdout).toContain('refused')
})

/** Stands before the server, and ends the first stream before anything has happened; but first, `meanwhile` happens. */
async function breaksOff(how: 'end' | 'destroy', meanwhile: () => Promise<unknown>) {
  let isFirst = true
  const server = createServer((request, response) => void pass(request, response).catch(() => response.destroy()))
  async function pass(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = 'GET', url = '', headers } = request
    const body = Buffer.concat(await Array.fromAsync(request))
    const cancel = new AbortController()
    response.on('close', () => cancel.abort())
    const answer = await fetch(kagami.url + url, {
      method,
      headers: headers as Record<string, string>,
      ...(body.length === 0 ? {} : { body }),
      signal: cancel.signal,
    })
    const isCut = isFirst && url.includes('/events?')
    response.writeHead(answer.status, Object.fromEntries(answer.headers))
    for await (const chunk of answer.body ?? []) {
      response.write(chunk)
      if (!isCut) continue
      isFirst = false
      await meanwhile()
      response[how]()
      return
    }
    response.end()
  }
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop() {
      server.close()
      server.closeAllConnections()
    },
  }
}

test('goes on where it began when the server ends before anything has happened', async () => {
  for (const how of ['end', 'destroy'] as const) {
    const tag = `missed-${how}`
    const proxy = await breaksOff(how, () => emptyIndexPushed(kagami.url, 'acme/app', tag, OWNER))
    const user = await signInOwner({ ...kagami, url: proxy.url })
    const ended = await user.run(['webhook', 'listen', 'acme/app', '--events', 'tag.moved', '--count', '1'])
    proxy.stop()
    expect([how, ended.status, ended.stdout.split('  ')[2]]).toEqual([how, 0, `acme/app:${tag}`])
  }
})

test('says where it begins, to programs and to browsers', async () => {
  const authorization = `Basic ${btoa(`${OWNER.username}:${OWNER.password}`)}`
  for (const [accept, opening] of [
    ['application/json', '\n'],
    ['text/event-stream', `id: ${seq}\nretry: 2000\n\n`],
  ] as const) {
    const cancel = new AbortController()
    const answer = await fetch(`${kagami.url}/api/v1/repositories/acme/app/events?after=${seq}&events=mirror.paused`, {
      headers: { accept, authorization },
      signal: cancel.signal,
    })
    const { value } = (await answer.body?.getReader().read()) ?? {}
    cancel.abort()
    expect([answer.headers.get('kagami-event-seq'), new TextDecoder().decode(value)]).toEqual([String(seq), opening])
  }
})

test('what is wrong is said at once', async () => {
  const cases: [string[], number, string][] = [
    [['acme/absent'], 1, 'there is no repository acme/absent'],
    [['acme/app', '--forward', 'localhost:3000'], 2, '--forward'],
    [['acme/app', '--format', 'xml'], 2, 'format'],
    [['acme/app', '--count', 'some'], 2, 'whole number'],
  ]
  for (const [args, status, message] of cases) {
    const ended = await owner.run(['webhook', 'listen', ...args])
    expect([args, ended.status, ended.stderr.includes(message)]).toEqual([args, status, true])
  }
})
