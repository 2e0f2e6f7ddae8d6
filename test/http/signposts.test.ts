// The addresses that Kagami prints for people lead somewhere in a browser.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { startWholeServer, type WholeServer } from '../support/whole-server.ts'

let kagami: WholeServer
beforeAll(async () => {
  kagami = await startWholeServer()
})
afterAll(() => kagami.stop())

async function read(path: string, method = 'GET') {
  const answer = await fetch(`${kagami.url}${path}`, { method })
  return { status: answer.status, type: answer.headers.get('content-type'), text: await answer.text() }
}

test('of a device: the page that its answer names says by which command to let it in', async () => {
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  const asked = await kagami.call('POST', '/device/code', { body: 'client_id=laptop', headers })
  const { verification_uri_complete: page, user_code: code } = JSON.parse(asked.text)
  const { status, type, text } = await read(page.slice(kagami.url.length))
  expect([status, type]).toEqual([200, 'text/plain; charset=utf-8'])
  expect(text).toContain(`kagami device approve ${code}\n`)
})

test('what else stands in a link is not repeated', async () => {
  for (const code of ['', '?code=', '?code=%3Cscript%3E', '?code=BCDF-GHJK%0Arm']) {
    const { status, text } = await read(`/device${code}`)
    expect([status, text.includes('kagami device approve CODE\n')]).toEqual([200, true])
  }
})

test('of an invitation, and the server itself; nothing else, and no method but reads', async () => {
  expect((await read('/invitations')).text).toContain('kagami invitation accept')
  expect((await read('/')).text).toContain('/api/v1/openapi.json')
  expect((await read('/', 'HEAD')).status).toBe(200)
  for (const [path, method] of [
    ['/device', 'POST'],
    ['/devices', 'GET'],
    ['/device/', 'GET'],
    ['/favicon.ico', 'GET'],
  ] as const) {
    expect((await read(path, method)).status).toBe(404)
  }
})
