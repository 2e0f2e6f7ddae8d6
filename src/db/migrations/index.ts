import { content } from './0001-content.ts'
import { organizations } from './0002-organizations.ts'
import { mirrors } from './0003-mirrors.ts'
import { accounts } from './0004-accounts.ts'
import { references } from './0005-references.ts'
import { exclusions } from './0009-exclusions.ts'
import { failedLogins } from './0010-failed-logins.ts'
import { storedBytes } from './0011-stored-bytes.ts'
import { listSources } from './0012-list-sources.ts'
import { life } from './0013-life.ts'
import { hints } from './0014-hints.ts'
import { subscriptions } from './0015-subscriptions.ts'
import { selection } from './0016-selection.ts'
import { history } from './0018-history.ts'
import { freshness } from './0019-freshness.ts'
import { whims } from './0020-whims.ts'
import { budget } from './0021-budget.ts'
import { linkSizes } from './0022-link-sizes.ts'
import { shares } from './0023-shares.ts'
import { unlisted } from './0025-unlisted.ts'
import { usageChanges } from './0026-usage-changes.ts'
import { teams } from './0030-teams.ts'
import { audit } from './0031-audit.ts'
import { people } from './0032-people.ts'
import { identity } from './0033-identity.ts'
import { webhooks } from './0034-webhooks.ts'
import { imageDifferences } from './0035-image-differences.ts'
import { waysIntoTeams } from './0036-ways-into-teams.ts'
import { deliveriesAlone } from './0037-deliveries-alone.ts'
import { letters } from './0038-letters.ts'
import { catalogs } from './0039-catalogs.ts'
import { imageContents } from './0040-image-contents.ts'
import { firstRun } from './0041-first-run.ts'
import { usageOverTime } from './0042-usage-over-time.ts'
import { disabledUsers } from './0044-disabled-users.ts'
import { attested } from './0045-attested.ts'
import { organizationNamesAndEnds } from './0047-organizations-names-and-ends.ts'
import { uploadWriters } from './0048-upload-writers.ts'
import { replication } from './0049-replication.ts'
import { collection } from './0050-collection.ts'
import { damage } from './0055-damage.ts'
import { storageHolds } from './0057-storage-holds.ts'
import { privacyChecked } from './0058-privacy-checked.ts'
import type { Migration } from './migration.ts'

/** In the order in which they are applied. */
export const MIGRATIONS: readonly Migration[] = [
  content,
  organizations,
  mirrors,
  accounts,
  references,
  exclusions,
  failedLogins,
  storedBytes,
  listSources,
  life,
  hints,
  history,
  subscriptions,
  selection,
  whims,
  freshness,
  budget,
  linkSizes,
  unlisted,
  usageChanges,
  shares,
  people,
  imageDifferences,
  teams,
  identity,
  webhooks,
  audit,
  waysIntoTeams,
  deliveriesAlone,
  letters,
  catalogs,
  imageContents,
  firstRun,
  usageOverTime,
  disabledUsers,
  attested,
  organizationNamesAndEnds,
  uploadWriters,
  replication,
  collection,
  damage,
  storageHolds,
  privacyChecked,
]
