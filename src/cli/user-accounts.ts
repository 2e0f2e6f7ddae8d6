/** The accounts of a server, for its operators. */
import type { Command } from 'commander'
import { userAccountAnswerSchema, userAccountSchema } from '../api/users.ts'
import { segment } from './client.ts'
import { addCommand, answer, type CommandLine, connect } from './command-line.ts'
import { age } from './format.ts'
import { table } from './table.ts'

interface Change {
  readonly operator?: boolean
  readonly disabled?: boolean
}

export function addUserAccountCommands(user: Command, line: CommandLine): void {
  addCommand(user, 'list', 'list all users (operators)').action((o: { json?: boolean }) => list(line, o))
  addCommand(user, 'disable', 'sign a user out, and let them in by nothing any more; nothing is deleted (operators)')
    .argument('<user>', 'name of the user')
    .action((name: string, o: { json?: boolean }) =>
      change(line, name, { disabled: true }, `${name} is disabled: no password, token or provider lets them in.`, o),
    )
  addCommand(user, 'enable', 'let a disabled user in again (operators)')
    .argument('<user>', 'name of the user')
    .action((name: string, o: { json?: boolean }) =>
      change(line, name, { disabled: false }, `${name} may sign in again; their tokens serve again.`, o),
    )
  addCommand(user, 'operator', 'make a user an operator of the server (operators)')
    .argument('<user>', 'name of the user')
    .option('--off', 'make them none any more')
    .action((name: string, o: { json?: boolean; off?: boolean }) => {
      const operator = o.off !== true
      return change(line, name, { operator }, `${name} is ${operator ? 'an operator' : 'no operator any more'}.`, o)
    })
}

async function list(line: CommandLine, o: { json?: boolean }): Promise<void> {
  const users = await (await connect(line)).listAll('/users', 'users', userAccountSchema)
  answer(line, o, { users, next: null }, () =>
    table(
      ['user', 'name', 'mail', 'operator', 'two-factor', 'organizations', 'created', 'last seen', 'state'],
      users.map((user) => [
        user.username,
        user.displayName,
        user.email ?? '-',
        user.operator ? 'yes' : '-',
        user.twoFactor ? 'on' : '-',
        String(user.organizations),
        age(user.createdAt, '-'),
        age(user.lastSeenAt, '-'),
        user.disabledAt === null ? 'active' : `disabled ${age(user.disabledAt, '')}`,
      ]),
      'No users.',
    ),
  )
}

async function change(
  line: CommandLine,
  name: string,
  body: Change,
  done: string,
  o: { readonly json?: boolean },
): Promise<void> {
  const path = `/users/${segment(name)}`
  const document = await (await connect(line)).call('PATCH', path, userAccountAnswerSchema, { body })
  answer(line, o, document, () => done)
}
