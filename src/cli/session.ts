import type { Command } from 'commander'
import { sessionSchema, sessionsEndedSchema } from '../api/sessions.ts'
import { segment } from './client.ts'
import { addCommand, answer, type CommandLine, connect } from './command-line.ts'
import { UsageError } from './exit.ts'
import { age, count } from './format.ts'
import { table } from './table.ts'

interface EndOptions {
  readonly json?: boolean
  readonly others?: boolean
}

export function addSessionCommands(program: Command, line: CommandLine): void {
  const session = program.command('session').description('where you are signed in, by password or by a provider')
  addCommand(session, 'list', 'list your sessions; tokens are listed by token list').action((o: { json?: boolean }) =>
    list(line, o),
  )
  addCommand(session, 'end', 'end a session: the next request in it is refused')
    .argument('[id]', 'id of the session, as session list prints it')
    .option('--others', 'all but the one that asks')
    .action((id: string | undefined, o: EndOptions) => end(line, id, o))
}

async function list(line: CommandLine, o: { json?: boolean }): Promise<void> {
  const sessions = await (await connect(line)).listAll('/user/sessions', 'sessions', sessionSchema)
  answer(line, o, { sessions, next: null }, () =>
    table(
      ['id', 'kind', 'created', 'last seen', 'address', 'client'],
      sessions.map((session) => [
        session.id,
        session.current ? `${session.kind} (this one)` : session.kind,
        age(session.createdAt, '-'),
        age(session.lastSeenAt, 'never'),
        session.address ?? '-',
        session.userAgent ?? '-',
      ]),
      'No sessions.',
    ),
  )
}

async function end(line: CommandLine, id: string | undefined, o: EndOptions): Promise<void> {
  if ((id === undefined) === (o.others !== true)) throw new UsageError('give the id of a session, or --others')
  const client = await connect(line)
  if (id === undefined) {
    const document = await client.call('DELETE', '/user/sessions', sessionsEndedSchema)
    return answer(line, o, document, () => `Ended ${count(document.ended, 'session')}.`)
  }
  await client.send('DELETE', `/user/sessions/${segment(id)}`)
  answer(line, o, { ended: 1 }, () => `Ended session ${id}.`)
}
