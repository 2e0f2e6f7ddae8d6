// docs/webhooks.md: its commands work, in the order in which they stand there, with a receiver that takes what is sent.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { webhookEventSchema } from '../../src/api/webhooks.ts'
import { RETRY_WAITS_MS } from '../../src/events/schedule.ts'
import { type CommandLineUser, signInOwner } from '../support/command-line.ts'
import { commandsOf, readPage, testCommands } from '../support/documented-commands.ts'
import { type Receiver, startReceiver } from '../support/webhook-receiver.ts'
import { startWholeServer, type WholeServer } from '../support/whole-server.ts'

describe('docs/webhooks.md', () => {
  const page = readPage('webhooks')
  const commands = commandsOf(page).map((line) => line.replace(/\s+#.*$/, ''))
  let kagami: WholeServer
  let owner: CommandLineUser
  let receiver: Receiver
  beforeAll(async () => {
    receiver = await startReceiver()
    kagami = await startWholeServer({ withSample: true, env: { KAGAMI_ALLOW_NETWORKS: '127.0.0.0/8' } })
    owner = await signInOwner(kagami)
  })
  afterAll(async () => {
    await kagami?.stop()
    receiver?.stop()
  })

  test('the page has commands', () => expect(commands.length).toBeGreaterThan(10))
  testCommands(
    commands,
    () => owner,
    (args, { stdout }) => {
      if (args[1] === 'test') expect(stdout).toContain('delivered')
      if (args[1] === 'create') expect(stdout).toContain('Secret: whsec_')
    },
    (word) => (word === 'http://127.0.0.1:9000/in' ? `${receiver.url}/in` : word),
  )
  test('the try-out has come', () => {
    // The first pass of the sample's mirror may end meanwhile, and is told too.
    const tried = receiver.received.filter(({ json }) => json.kagami.kind === 'webhook.test')
    expect(tried.map(({ path }) => path)).toEqual(['/in'])
  })

  test('the page names every event, and the waits as they are', () => {
    expect(webhookEventSchema.options.filter((kind) => !page.includes(`\`${kind}\``))).toEqual([])
    const words = [...new Set(RETRY_WAITS_MS)].map((ms) =>
      ms < 60_000 ? `${ms / 1000} s` : ms < 3_600_000 ? `${ms / 60_000} min` : `${ms / 3_600_000} h`,
    )
    expect(page.replace(/\s+/g, ' ')).toContain(`(${words.join(', ')})`)
  })
})
