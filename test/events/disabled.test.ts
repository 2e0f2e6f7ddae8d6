// A webhook that the server has disabled: other webhooks hear of it, and the owners of its organization get a letter, once.
import { afterEach, expect, test } from 'bun:test'
import type { AddressInfo } from 'node:net'
import { SMTPServer } from 'smtp-server'
import { insertAccount } from '../../src/db/people/accounts.ts'
import { addMember } from '../../src/db/people/members.ts'
import { listEvents } from '../../src/db/platform/events.ts'
import { listEventFollowers } from '../../src/db/platform/instance-health.ts'
import type { Role } from '../../src/db/schema.ts'
import { findWebhook } from '../../src/db/webhooks/webhooks.ts'
import { createLetterSkipper, createLetters } from '../../src/events/letters.ts'
import { saveAttempts } from '../../src/events/save.ts'
import { createLogger } from '../../src/lib/logger.ts'
import { createSecret } from '../../src/lib/secret.ts'
import { createMailer } from '../../src/net/mail.ts'
import { describeOnEachEngine } from '../support/engines.ts'
import { digestOf, openOutbox } from '../support/outbox.ts'

const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})

async function mailServer() {
  const letters: { to: string; text: string }[] = []
  const server = new SMTPServer({
    authOptional: true,
    hideSTARTTLS: true,
    onRcptTo({ address }, _, done) {
      done(address.startsWith('refused') ? new Error('no such person') : undefined)
    },
    onData(stream, session, done) {
      const chunks: Buffer[] = []
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('end', () => {
        // Quoted-printable: a line that goes on ends with `=`.
        const text = Buffer.concat(chunks).toString().replaceAll('=\r\n', '').replaceAll('\r\n', '\n')
        letters.push({ to: session.envelope.rcptTo.map(({ address }) => address).join(), text })
        done()
      })
    },
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closers.push(() => new Promise((resolve) => server.close(resolve)))
  const { port } = server.server.address() as AddressInfo
  const url = createSecret(`smtp://127.0.0.1:${port}`)
  const policy = { allowLoopback: true, allowNetworks: [] }
  return { letters, mailer: createMailer({ url, from: 'kagami@example.com', policy }) }
}

describeOnEachEngine('A disabled webhook', (openFresh) => {
  async function place() {
    const one = await openOutbox(await openFresh())
    const { db, clock, fence, scope } = one
    const at = clock.now().toISOString()
    return {
      ...one,
      /** Its receiver says that it is gone. */
      async fails(name: string, of = scope) {
        const row = await findWebhook(db.read, of.repository?.id ?? of.organization.id, name)
        const [delivery] = await one.list(name, of)
        if (row === undefined || delivery === undefined) throw new Error('want a webhook that has a delivery')
        const texts = { request_headers: '{}', answer_headers: '{}', answer: '' }
        const error = 'the receiver answered 410:\nit is gone for good'
        const attempt = { delivery_id: delivery.id, number: 1, at, status: 410, duration_ms: 1, reason: 'gone', error }
        const told = { webhookId: row.id, eventSeq: delivery.seq, tag: delivery.tag }
        const ended = { status: 'dead', generation: 0, tries: 1, dueAt: null, delayMs: undefined } as const
        const outcome = { attempt: { ...attempt, ...texts }, ...told, ...ended }
        await saveAttempts({ db, clock, fence }, [{ isGone: true, outcome }])
      },
      async person(name: string, role: Role, email: string | undefined) {
        await db.write(async (tx) => {
          const account = { username: name, passwordHash: undefined, displayName: name, email, at }
          const userId = await insertAccount(tx, account)
          await addMember(tx, { organizationId: scope.organization.id, userId, role, at })
        })
      },
    }
  }
  const MOVE = ['tag.moved', { tag: 'v1', from: null, to: digestOf('a') }] as const

  test('is told of to webhooks of the organization that take its repository, with its name', async () => {
    const one = await place()
    const kinds = { events: ['webhook.disabled'] }
    await one.hook('chat', { ...kinds, repositories: ['dhi-*'] }, one.wide)
    await one.hook('all', kinds, one.wide)
    await one.hook('others', { ...kinds, repositories: ['node-*'] }, one.wide)
    await one.hook('ci')
    await one.hook('wide', {}, one.wide)
    await one.happen(MOVE)
    await one.fails('ci')
    await one.happen()
    expect(
      (await listEvents(one.db.read, 0, 100)).map(({ kind, payload }) => [kind, JSON.parse(payload)]).at(-1),
    ).toEqual(['webhook.disabled', expect.objectContaining({ repository: 'acme/dhi-app', webhook: 'ci' })])
    const told = async () =>
      [await one.shown('chat', one.wide), await one.shown('all', one.wide)].map((all) => all.length)
    expect([await told(), await one.shown('others', one.wide)]).toEqual([[1, 1], []])
    // One of the whole organization is of every repository's concern.
    await one.fails('wide', one.wide)
    await one.happen()
    expect([await told(), (await one.shown('others', one.wide)).length]).toEqual([[2, 2], 1])
  })

  test('a pattern over repositories takes events whose payload does not name theirs', async () => {
    const one = await place()
    await one.hook('chat', { events: ['mirror.degraded'], repositories: ['dhi-*'] }, one.wide)
    await one.happen(['mirror.degraded', { repository: undefined, reason: 'x' }])
    expect(await one.shown('chat', one.wide)).toEqual(['mirror.degraded pending'])
  })

  test('is told of by letter to the owners who have an address: once, whichever server is first', async () => {
    const one = await place()
    const { letters, mailer } = await mailServer()
    await one.person('ann', 'owner', 'ann@example.com')
    await one.person('ben', 'owner', 'refused@example.com')
    await one.person('cem', 'owner', 'cem@example.com')
    await one.person('dan', 'owner', undefined)
    await one.person('eve', 'editor', 'eve@example.com')
    const { db, clock } = one
    // The logger says so where a letter does not leave: that is no failure here.
    const logger = createLogger('silent')
    const deps = { db, clock, logger, mailer, publicUrl: () => 'https://kagami.example' }
    const servers = [createLetters(deps), createLetters(deps)]
    const { signal } = new AbortController()
    const look = () => Promise.all(servers.map((server) => server(signal)))
    await one.hook('ci')
    await one.hook('wide', {}, one.wide)
    await one.happen(MOVE)
    await look()
    expect(letters).toEqual([])
    await one.fails('ci')
    await look()
    await look()
    expect(letters.map(({ to }) => to).sort()).toEqual(['ann@example.com', 'cem@example.com'])
    const [{ text } = { text: '' }] = letters
    expect(text).toContain('\nSubject: Webhook ci of acme/dhi-app is disabled\n')
    expect(text).toContain(
      '\nkagami.example delivers nothing more to:\n\nci of acme/dhi-app: the receiver answered 410:\\u000ait',
    )
    expect(text).toContain('\nkagami webhook change acme/dhi-app ci --enabled\n')
    // Several at once are one letter; what a server finds that has just begun is not told again.
    letters.length = 0
    await one.webhooks.change(one.scope, 'ci', { enabled: true })
    await one.happen(['tag.moved', { tag: 'v2', from: null, to: digestOf('a') }])
    await one.fails('ci')
    await one.fails('wide', one.wide)
    servers.push(createLetters(deps))
    await look()
    servers.push(createLetters(deps))
    await look()
    expect(letters.map(({ to }) => to).sort()).toEqual(['ann@example.com', 'cem@example.com'])
    expect(letters[0]?.text).toContain('\nSubject: 2 webhooks of acme are disabled\n')
    expect(letters[0]?.text).toContain('\nkagami webhook change acme wide --enabled\n')
  })

  test('nobody who reads the log for letters stands still, with mail and without', async () => {
    const one = await place()
    const { letters, mailer } = await mailServer()
    await one.person('ann', 'owner', 'ann@example.com')
    const { db } = one
    const behind = async () =>
      (await listEventFollowers(db.read)).find(({ name }) => name === 'letters')?.behind ?? Number.NaN
    await one.hook('ci')
    await one.happen(MOVE)
    await one.fails('ci')
    const first = await behind()
    expect(first).toBeGreaterThan(0)
    // One that sends no mail leaves others the time between two looks.
    const skip = createLetterSkipper(db)
    await skip()
    expect(await behind()).toBe(first)
    await skip()
    expect(await behind()).toBe(0)
    await one.happen(['tag.moved', { tag: 'v3', from: null, to: digestOf('a') }])
    const deps = {
      db,
      clock: one.clock,
      logger: createLogger('silent'),
      mailer,
      publicUrl: () => 'https://kagami.example',
    }
    await createLetters(deps)(new AbortController().signal)
    expect([await behind(), letters]).toEqual([0, []])
  })
})
