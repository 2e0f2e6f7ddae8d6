/** Every verb of the command line; apart from the program, since a server needs none but its own. */
import type { Command } from 'commander'
import { addApplyCommand } from './apply.ts'
import { addAuditCommands } from './audit.ts'
import { addCatalogCommands } from './catalog.ts'
import type { CommandLine } from './command-line.ts'
import { addCopyCommand } from './copy.ts'
import { addExportCommands } from './export.ts'
import { addGcCommand } from './gc.ts'
import { addIdentityCommands } from './identity.ts'
import { addImageCommands } from './image.ts'
import { addImportCommand } from './import.ts'
import { addInvitationCommands } from './invitation.ts'
import { addLoginCommands } from './login.ts'
import { addDeviceCommands } from './login-device.ts'
import { addMemberCommands } from './member.ts'
import { addMirrorCommands } from './mirror.ts'
import { addMirrorRunCommands } from './mirror-runs.ts'
import { addMirrorWatchCommand } from './mirror-watch.ts'
import { addOperatorCommands } from './operator.ts'
import { addOrganizationCommands } from './organization.ts'
import { addReplicationCommands } from './replication.ts'
import { addRepositoryCommands } from './repository.ts'
import { addSampleCommands } from './sample.ts'
import { addSearchCommands } from './search.ts'
import { addServeCommand } from './serve.ts'
import { addSessionCommands } from './session.ts'
import { addSubscriptionCommands } from './subscription.ts'
import { addTagCommands } from './tag.ts'
import { addTargetCommands } from './target.ts'
import { addTeamCommands } from './team.ts'
import { addTokenCommands } from './token.ts'
import { addTwoFactorCommands } from './two-factor.ts'
import { addUpstreamCommands } from './upstream.ts'
import { addUserCommands } from './user.ts'
import { addWebhookCommands } from './webhook.ts'

export function addCommands(program: Command, line: CommandLine): void {
  addServeCommand(program, line)
  addLoginCommands(program, line)
  addDeviceCommands(program, line)
  addUpstreamCommands(program, line)
  addCatalogCommands(program, line)
  const mirror = addMirrorCommands(program, line)
  addMirrorWatchCommand(mirror, line)
  addMirrorRunCommands(mirror, line)
  addSubscriptionCommands(program, line)
  addReplicationCommands(program, line)
  addTargetCommands(program, line)
  addApplyCommand(program, line)
  addExportCommands(program, line)
  addImportCommand(program, line)
  addCopyCommand(program, line)
  addRepositoryCommands(program, line)
  addTagCommands(program, line)
  addImageCommands(program, line)
  addSearchCommands(program, line)
  addWebhookCommands(program, line)
  addTokenCommands(program, line)
  addOrganizationCommands(program, line)
  addMemberCommands(program, line)
  addInvitationCommands(program, line)
  addTeamCommands(program, line)
  addUserCommands(program, line)
  addSessionCommands(program, line)
  addTwoFactorCommands(program, line)
  addIdentityCommands(program, line)
  addAuditCommands(program, line)
  addOperatorCommands(program, line)
  addGcCommand(program, line)
  addSampleCommands(program, line)
}
