/** Every verb of the command line. Each is loaded when it is asked for: all of them take three times as long as most commands do. */
import type { Command } from 'commander'
import type { CommandLine } from './command-line.ts'

type Add = (program: Command, line: CommandLine) => void

interface Family {
  readonly verbs: readonly string[]
  readonly load: () => Promise<Add>
}

const family = (verbs: string | readonly string[], load: () => Promise<Add>): Family => ({
  verbs: [verbs].flat(),
  load,
})

async function loadMirror(): Promise<Add> {
  const [{ addMirrorCommands }, { addMirrorWatchCommand }, { addMirrorRunCommands }] = await Promise.all([
    import('./mirror.ts'),
    import('./mirror-watch.ts'),
    import('./mirror-runs.ts'),
  ])
  return (program, line) => {
    const mirror = addMirrorCommands(program, line)
    addMirrorWatchCommand(mirror, line)
    addMirrorRunCommands(mirror, line)
  }
}

/** In the order in which the help lists them. */
const FAMILIES: readonly Family[] = [
  family('serve', async () => (await import('./serve.ts')).addServeCommand),
  family(['login', 'logout'], async () => (await import('./login.ts')).addLoginCommands),
  family('device', async () => (await import('./login-device.ts')).addDeviceCommands),
  family('upstream', async () => (await import('./upstream.ts')).addUpstreamCommands),
  family('catalog', async () => (await import('./catalog.ts')).addCatalogCommands),
  family('mirror', loadMirror),
  family('subscription', async () => (await import('./subscription.ts')).addSubscriptionCommands),
  family('replication', async () => (await import('./replication.ts')).addReplicationCommands),
  family('target', async () => (await import('./target.ts')).addTargetCommands),
  family('apply', async () => (await import('./apply.ts')).addApplyCommand),
  family(['export', 'schema'], async () => (await import('./export.ts')).addExportCommands),
  family('import', async () => (await import('./import.ts')).addImportCommand),
  family('copy', async () => (await import('./copy.ts')).addCopyCommand),
  family(['backup', 'restore'], async () => (await import('./backup.ts')).addBackupCommands),
  family('repository', async () => (await import('./repository.ts')).addRepositoryCommands),
  family('tag', async () => (await import('./tag.ts')).addTagCommands),
  family('image', async () => (await import('./image.ts')).addImageCommands),
  family('search', async () => (await import('./search.ts')).addSearchCommands),
  family('webhook', async () => (await import('./webhook.ts')).addWebhookCommands),
  family('token', async () => (await import('./token.ts')).addTokenCommands),
  family('organization', async () => (await import('./organization.ts')).addOrganizationCommands),
  family('member', async () => (await import('./member.ts')).addMemberCommands),
  family('invitation', async () => (await import('./invitation.ts')).addInvitationCommands),
  family('team', async () => (await import('./team.ts')).addTeamCommands),
  family('user', async () => (await import('./user.ts')).addUserCommands),
  family('session', async () => (await import('./session.ts')).addSessionCommands),
  family('two-factor', async () => (await import('./two-factor.ts')).addTwoFactorCommands),
  family('identity', async () => (await import('./identity.ts')).addIdentityCommands),
  family('audit', async () => (await import('./audit.ts')).addAuditCommands),
  family('operator', async () => (await import('./operator.ts')).addOperatorCommands),
  family('gc', async () => (await import('./gc.ts')).addGcCommand),
  family('verify-storage', async () => (await import('./verify-storage.ts')).addVerifyStorageCommand),
  family('doctor', async () => (await import('./doctor.ts')).addDoctorCommand),
  family('sample', async () => (await import('./sample.ts')).addSampleCommands),
]

/** @param verb the one that is asked for; all of them where there is no such verb: for the help, and for what else it might have been */
export async function addCommands(program: Command, line: CommandLine, verb?: string): Promise<void> {
  const asked = FAMILIES.filter(({ verbs }) => verb !== undefined && verbs.includes(verb))
  const loaded = await Promise.all((asked.length === 0 ? FAMILIES : asked).map(({ load }) => load()))
  for (const add of loaded) add(program, line)
}

/** Of each family the verbs by which it is found. */
export const VERBS: readonly (readonly string[])[] = FAMILIES.map(({ verbs }) => verbs)
