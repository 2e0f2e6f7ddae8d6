/** Groups of a provider that stand for teams, as options say them; and `identity change`. */
import { type Command, Option } from 'commander'
import { identityAnswerSchema } from '../api/identities.ts'
import { roleSchema } from '../api/organizations.ts'
import { segment } from './client.ts'
import { addCommand, answer, type CommandLine, connect } from './command-line.ts'
import { UsageError } from './exit.ts'
import { identityText } from './identity-text.ts'
import { blocks } from './table.ts'

export const GROUP_ABOUT = 'GROUP=TEAM: whoever is in the group is in the team, as of each sign-in'
export const GROUPS_CLAIM_ABOUT = 'which claim lists the groups; default: groups'

/** Groups may have a `=` in their names (`cn=ops,ou=groups`), teams have none. @throws UsageError */
export function groupsOf(texts: readonly string[] | undefined) {
  return texts?.map((text) => {
    const [, group, team] = /^(.+)=([^=]+)$/s.exec(text) ?? []
    if (group === undefined || team === undefined) throw new UsageError('--group wants GROUP=TEAM')
    return { group, team }
  })
}

interface ChangeOptions {
  readonly json?: boolean
  readonly role?: string
  readonly only?: boolean
  /** False: none at all. */
  readonly group?: readonly string[] | false
  readonly groupsClaim?: string
}

export function addIdentityChangeCommand(identity: Command, line: CommandLine): void {
  addCommand(identity, 'change', 'change how people come into the organization by a provider')
    .argument('<org>', 'the organization')
    .argument('<name>', 'name of the provider')
    .addOption(new Option('--role <role>', 'what new people become').choices(roleSchema.options))
    .option('--only', 'members sign in by it, and by no password')
    .option('--no-only', 'members sign in by a password too')
    .option('--group <mapping...>', `${GROUP_ABOUT}; instead of those before`)
    .option('--no-group', 'no group stands for a team any more')
    .option('--groups-claim <name>', GROUPS_CLAIM_ABOUT)
    .action((org: string, name: string, o: ChangeOptions) => change(line, org, name, o))
}

async function change(line: CommandLine, org: string, name: string, o: ChangeOptions): Promise<void> {
  const { role, only, groupsClaim } = o
  const groups = o.group === false ? [] : groupsOf(o.group)
  const body = { role, only, groupsClaim, groups }
  if (Object.values(body).every((value) => value === undefined)) {
    throw new UsageError('nothing to change: give --role, --only, --no-only, --group, --no-group or --groups-claim')
  }
  const client = await connect(line)
  const path = `/organizations/${segment(org)}/identities/${segment(name)}`
  const document = await client.call('PATCH', path, identityAnswerSchema, { body })
  answer(line, o, document, () => blocks([`Changed ${name}.`, identityText(document.identity)]))
}
