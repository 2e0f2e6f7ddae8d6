/** By whom you sign in besides your password. */
import type { Command } from 'commander'
import { ownIdentitySchema } from '../api/sign-in.ts'
import { segment } from './client.ts'
import { addCommand, answer, type CommandLine, connect } from './command-line.ts'
import { age } from './format.ts'
import { table } from './table.ts'

export function addUserIdentityCommands(user: Command, line: CommandLine): void {
  addCommand(user, 'identities', 'list by whom you sign in; login --identity ID --link adds one').action(
    (o: { json?: boolean }) => list(line, o),
  )
  addCommand(user, 'unlink', 'end one of these links: refused where it is the only way in')
    .argument('<id>', 'id of the link, as user identities prints it')
    .action((id: string, o: { json?: boolean }) => unlink(line, id, o))
}

async function list(line: CommandLine, o: { json?: boolean }): Promise<void> {
  const identities = await (await connect(line)).listAll('/user/identities', 'identities', ownIdentitySchema)
  answer(line, o, { identities, next: null }, () =>
    table(
      ['id', 'provider', 'of', 'issuer', 'as', 'linked'],
      identities.map((one) => [
        one.id,
        one.provider ?? 'removed',
        one.organization ?? 'this instance',
        one.issuer,
        one.subject,
        age(one.linkedAt, '-'),
      ]),
      'No provider vouches for you.',
    ),
  )
}

async function unlink(line: CommandLine, id: string, o: { json?: boolean }): Promise<void> {
  await (await connect(line)).send('DELETE', `/user/identities/${segment(id)}`)
  answer(line, o, { ended: id }, () => `Ended link ${id}.`)
}
