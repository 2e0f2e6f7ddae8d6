import { type Command, Option } from 'commander'
import { identityAnswerSchema } from '../api/identities.ts'
import { roleSchema } from '../api/organizations.ts'
import { addCommand, answer, type CommandLine, connect } from './command-line.ts'
import { UsageError } from './exit.ts'
import {
  certificates,
  clientSecretOf,
  GROUP_ABOUT,
  GROUPS_CLAIM_ABOUT,
  groupsOf,
  OWNER_ABOUT,
  placeOf,
  SHARED_ABOUT,
} from './identity-options.ts'
import { identityText } from './identity-text.ts'
import { blocks } from './table.ts'

interface ChangeOptions {
  readonly json?: boolean
  readonly shared?: boolean
  readonly role?: string
  readonly only?: boolean
  /** False: none at all. */
  readonly group?: readonly string[] | false
  readonly groupsClaim?: string
  readonly trustEmail?: boolean
  readonly clientId?: string
  readonly clientSecretStdin?: boolean
  readonly clientSecret?: string | false
  readonly caFile?: string | false
}

export function addIdentityChangeCommand(identity: Command, line: CommandLine): void {
  addCommand(identity, 'change', 'change a provider, and how people come into the organization by it')
    .argument('<org>', OWNER_ABOUT)
    .argument('[name]', 'name of the provider')
    .option('--shared', SHARED_ABOUT)
    .addOption(new Option('--role <role>', 'what new people become').choices(roleSchema.options))
    .option('--only', 'members sign in by it, and by nothing else')
    .option('--no-only', 'members sign in by passwords and other providers too')
    .option('--group <mapping...>', `${GROUP_ABOUT}; instead of those before`)
    .option('--no-group', 'no group stands for a team any more')
    .option('--groups-claim <name>', GROUPS_CLAIM_ABOUT)
    .option('--trust-email', 'shared: an account here is whose verified mail address it has')
    .option('--no-trust-email', 'shared: only who links it has an account that is there already')
    .option('--client-id <id>', 'what it calls this server')
    .option('--client-secret-stdin', 'read its new client secret from standard input')
    .option('--client-secret <reference>', 'env:NAME or file:PATH where its new client secret stands')
    .option('--no-client-secret', 'it wants no secret any more')
    .option('--ca-file <file>', 'trust the certificates (PEM) in this file, instead of those before')
    .option('--no-ca-file', "trust the system's certificates alone")
    .action((org: string, name: string | undefined, o: ChangeOptions) => change(line, org, name, o))
}

async function change(line: CommandLine, org: string, named: string | undefined, o: ChangeOptions): Promise<void> {
  const { path, name } = placeOf(org, named, o.shared)
  const { role, only, groupsClaim, trustEmail, clientId, caFile } = o
  const groups = o.group === false ? [] : groupsOf(o.group)
  const people = { role, only, groupsClaim, groups }
  if (o.shared === true && Object.values(people).some((value) => value !== undefined)) {
    throw new UsageError('--role, --only, --group and --groups-claim are for providers of an organization')
  }
  if (o.shared !== true && trustEmail !== undefined) throw new UsageError('--trust-email wants --shared')
  const ca = caFile === false ? null : await certificates(caFile === undefined ? {} : { caFile })
  const body = { ...people, trustEmail, clientId, clientSecret: await clientSecretOf(line, o), ca }
  if (Object.values(body).every((value) => value === undefined)) {
    throw new UsageError('nothing to change: see --help for what can be another')
  }
  const document = await (await connect(line)).call('PATCH', path, identityAnswerSchema, { body })
  answer(line, o, document, () => blocks([`Changed ${name}.`, identityText(document.identity)]))
}
