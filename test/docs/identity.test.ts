// docs/identity.md: every command of it works, in the order in which it stands there, with a real provider at the addresses it names.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { type CommandLineUser, signInOwner } from '../support/command-line.ts'
import { commandsOf, readPage, testCommands } from '../support/documented-commands.ts'
import { type OpenIdProvider, startOpenIdProvider } from '../support/openid-provider.ts'
import { startWholeServer, type WholeServer } from '../support/whole-server.ts'

describe('docs/identity.md', () => {
  const commands = commandsOf(readPage('identity'))
  let kagami: WholeServer
  let openid: OpenIdProvider
  let owner: CommandLineUser
  beforeAll(async () => {
    openid = await startOpenIdProvider()
    process.env.SSO_SECRET = 'a client secret'
    kagami = await startWholeServer()
    owner = await signInOwner(kagami)
  })
  afterAll(async () => {
    delete process.env.SSO_SECRET
    await kagami?.stop()
    await openid?.stop()
  })

  test('the page has commands', () => expect(commands.length).toBeGreaterThan(9))
  testCommands(
    commands,
    () => owner,
    ([, verb, , name], { stdout }) => {
      if (verb === 'show') expect(stdout).toContain(String(name))
    },
    (word) => (word === 'https://login.example.com' ? openid.url : word),
  )
})
