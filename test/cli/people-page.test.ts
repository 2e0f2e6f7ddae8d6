// The page docs/people.md: every command of it is run, in its order, by who it is for.
import { expect, test } from 'bun:test'
import { Secret, TOTP } from 'otpauth'
import { commandLineUser, signInOwner } from '../support/command-line.ts'
import { argumentsOf, commandsOf, readPage } from '../support/documented-commands.ts'
import { startWholeServer } from '../support/whole-server.ts'

const commands = commandsOf(readPage('people'))
const PASSWORD = 'password of ann'
const NEW_PASSWORD = 'another password of ann'

test('docs/people.md: its commands work, one after the other', async () => {
  const kagami = await startWholeServer()
  try {
    const owner = await signInOwner(kagami)
    const ann = commandLineUser(kagami.url, kagami.directory)
    await kagami.addUser('bob', { acme: 'member', beta: 'owner' })
    await owner.run(['team', 'create', 'acme', 'platform'])
    const given = new Map<string, string>()
    const inviteTo = async (organization: string) =>
      JSON.parse((await owner.run(['invitation', 'create', organization, '--json'])).stdout)
    given.set('LINK', (await inviteTo('acme')).url)
    given.set('OTHER-LINK', (await inviteTo('beta')).url)
    let password = PASSWORD
    let recovery: string[] = []
    let totp: TOTP | undefined
    expect(commands.length).toBeGreaterThan(18)
    for (const command of commands) {
      const args = argumentsOf(command)
      const verb = args.slice(0, 2).join(' ')
      if (verb === 'session end') {
        await kagami.call('POST', '/user/sessions', { body: { username: 'ann', password } })
        const [session] = JSON.parse((await ann.run(['session', 'list', '--json'])).stdout).sessions
        given.set('SESSION', session.id)
      }
      given.set('INVITATION', verb === 'invitation revoke' ? (await inviteTo('acme')).id : '')
      given.set('CODE', totp?.generate() ?? '')
      given.set('RECOVERY-CODE', recovery.shift() ?? '')
      const isOwners =
        /^(invitation (create|list|revoke)|organization |audit |member remove|user (reset-password|list|disable|enable|operator)|operator )/.test(
          verb,
        )
      const asks =
        verb === 'invitation accept'
          ? args.includes('--new-user')
          : /^login|user password|two-factor (enable|recovery-codes|disable)/.test(verb)
      const ended = await (isOwners ? owner : ann).run(
        [...args.map((word) => given.get(word) ?? word), ...(asks ? ['--password-stdin'] : [])],
        { input: verb === 'user password' ? `${PASSWORD}\n${NEW_PASSWORD}\n` : password },
      )
      expect([command, ended.status, ended.stderr]).toEqual([command, 0, expect.not.stringContaining('error')])
      if (verb === 'user password') password = NEW_PASSWORD
      if (verb === 'two-factor enable') {
        totp = new TOTP({ secret: Secret.fromBase32(/^Secret +(\w+)$/m.exec(ended.stdout)?.[1] ?? '') })
      }
      if (/^two-factor (confirm|recovery-codes)/.test(verb)) recovery = ended.stdout.split('\n')
    }
    expect((await kagami.call('GET', '/user', { login: { username: 'ann', password: NEW_PASSWORD } })).status).toBe(200)
  } finally {
    await kagami.stop()
  }
})
