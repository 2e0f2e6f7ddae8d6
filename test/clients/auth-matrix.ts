// Who may do what, asked by a real client (checklist section 6): the same table for every client.
import { expect, test } from 'bun:test'
import { issueOrganizationToken } from '../../src/access/organization-tokens.ts'
import { setOrganizationTokenActive } from '../../src/db/people/organization-tokens.ts'
import type { CommandResult } from '../support/command.ts'
import type { Credentials } from '../support/registry-session.ts'
import { type ClientRegistry, expectWhole, PRIVATE, PUBLIC } from './client-registry.ts'

export interface MatrixClient {
  /** Signs in; undefined: forgets every login. A client without logins returns undefined and shows them with each command. */
  signIn(who: Credentials | undefined): Promise<CommandResult | undefined>
  /** Asks the registry, even when the client has the image. */
  pull(reference: string): Promise<CommandResult>
  /** Pushes an image of the client under the reference. */
  push(reference: string): Promise<CommandResult>
  /** Absent where the client cannot. */
  remove?(reference: string): Promise<CommandResult>
}

/** What clients say when the registry refuses, as opposed to a failure of another kind. */
const REFUSED =
  /denied|unauthorized|authentication required|authorization failed|401|403|forbidden|insufficient_scope|invalid username/i

function expectRefused(result: CommandResult | undefined) {
  expect(result?.exitCode).not.toBe(0)
  expect(`${result?.stdout}${result?.stderr}`).toMatch(REFUSED)
}

function expectDone(result: CommandResult | undefined) {
  if (result === undefined || result.exitCode === 0) return
  throw new Error(`want exit status 0, got ${result.exitCode}\n${result.stdout}\n${result.stderr}`)
}

/** Adds the tests of the matrix; `name` keeps the tags of clients apart. */
export function testAuthMatrix(
  name: string,
  parts: () => { readonly registry: ClientRegistry; readonly client: MatrixClient },
): void {
  const reference = (repository: string, tag = 'v1') => `${parts().registry.host}/${repository}:${tag}`
  const tagsOf = async (repository: string) => (await parts().registry.readBack(repository).listTags()) ?? []
  const editor = () => parts().registry.server.addUser(`editor-${name}`, { acme: 'editor' })
  let made: ReturnType<typeof editor> | undefined
  const editorsToken = async (scope: 'read' | 'write' | 'delete') => {
    const { server } = parts().registry
    made ??= editor()
    const { username } = await made
    return server.addToken(username, scope)
  }

  async function expectPushed(repository: string, tag: string) {
    const { client, registry } = parts()
    expectDone(await client.push(reference(repository, tag)))
    await expectWhole(registry.readBack(repository), tag)
  }
  async function expectPushRefused(repository: string, tag: string) {
    expectRefused(await parts().client.push(reference(repository, tag)))
    expect(await tagsOf(repository)).not.toContain(tag)
  }

  test('without a login: the public repository is pulled, the private one is not, nothing is pushed', async () => {
    const { client } = parts()
    await client.signIn(undefined)
    expectDone(await client.pull(reference(PUBLIC)))
    expectRefused(await client.pull(reference(PRIVATE)))
    await expectPushRefused(PUBLIC, `${name}-anonymous`)
  })

  test('a user without a grant: the public repository is pulled, the private one is not, nothing is pushed', async () => {
    const { client, registry } = parts()
    expectDone(await client.signIn(registry.stranger))
    expectDone(await client.pull(reference(PUBLIC)))
    expectRefused(await client.pull(reference(PRIVATE)))
    await expectPushRefused(PUBLIC, `${name}-stranger`)
    await expectPushRefused(PRIVATE, `${name}-stranger`)
  })

  test('a wrong password is refused and never taken for nobody', async () => {
    const { client, registry } = parts()
    const wrong = { username: registry.owner.username, password: 'wrong' }
    const login = await client.signIn(wrong)
    if (login !== undefined) return expectRefused(login)
    expectRefused(await client.pull(reference(PRIVATE)))
  })

  test('the password pulls and pushes', async () => {
    const { client, registry } = parts()
    expectDone(await client.signIn(registry.owner))
    expectDone(await client.pull(reference(PRIVATE)))
    await expectPushed(PRIVATE, `${name}-password`)
    await expectPushed(`acme/made-by-${name}`, 'v1')
  })

  test('a token of scope read pulls and does not push', async () => {
    const { client } = parts()
    expectDone(await client.signIn(await editorsToken('read')))
    expectDone(await client.pull(reference(PRIVATE)))
    await expectPushRefused(PRIVATE, `${name}-read`)
  })

  test('a token of scope write pushes and does not delete; one of scope delete does, where the client can', async () => {
    const { client } = parts()
    const tag = `${name}-write`
    expectDone(await client.signIn(await editorsToken('write')))
    await expectPushed(PRIVATE, tag)
    if (client.remove === undefined) return
    const copy = `acme/deleted-by-${name}`
    await expectPushed(copy, tag)
    expectRefused(await client.remove(reference(copy, tag)))
    expect(await tagsOf(copy)).toEqual([tag])
    expectDone(await client.signIn(await editorsToken('delete')))
    expectDone(await client.remove(reference(copy, tag)))
    expect(await tagsOf(copy)).toEqual([])
  })

  test('a revoked and an expired token are refused at the very next request', async () => {
    const { client, registry } = parts()
    const { db } = registry.server
    const change = {
      revoked: (id: string) => db.write((tx) => tx.deleteFrom('tokens').where('id', '=', id).execute()),
      expired: (id: string) =>
        db.write((tx) =>
          tx.updateTable('tokens').set({ expires_at: '2026-01-01T00:00:00.000Z' }).where('id', '=', id).execute(),
        ),
    }
    for (const [how, make] of Object.entries(change)) {
      const token = await editorsToken('write')
      expectDone(await client.signIn(token))
      expectDone(await client.pull(reference(PRIVATE)))
      await make(token.id)
      expectRefused(await client.pull(reference(PRIVATE)))
      await expectPushRefused(PRIVATE, `${name}-${how}`)
    }
    await client.signIn(undefined)
  })

  test('a token of the organization, under its name: pulls and pushes what it names, and ends at once', async () => {
    const { client, registry } = parts()
    const { db, organization } = registry.server
    const repositories = ['private', `by-token-of-${name}-*`]
    const { row, text } = await db.write((tx) =>
      issueOrganizationToken(tx, {
        organizationId: organization.id,
        label: `ci of ${name}`,
        allow: ['pull', 'push'],
        repositories,
        expiresAt: null,
        createdBy: 'user:owner',
      }),
    )
    const token = { username: organization.name, password: text.reveal() }
    expectDone(await client.signIn(token))
    expectDone(await client.pull(reference(PRIVATE)))
    await expectPushed(`acme/by-token-of-${name}-app`, 'v1')
    expectRefused(await client.push(reference(`acme/elsewhere-${name}`)))
    expect(await tagsOf(`acme/elsewhere-${name}`)).toEqual([])
    await db.write((tx) => setOrganizationTokenActive(tx, organization.id, row.id, false))
    expectRefused(await client.pull(reference(PRIVATE)))
    await expectPushRefused(PRIVATE, `${name}-deactivated`)
    await client.signIn(undefined)
  })
}
