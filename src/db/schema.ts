/**
 * The rows as Kysely sees them, one file of `rows/` a subject: text ids, ISO 8601 UTC times, integer sizes in bytes, 0/1 booleans, JSON
 * as text. The tables themselves are made by `migrations/`, which also says what each one is for.
 */
import type { CatalogEntryRow, CatalogRow, CatalogTextRow } from './rows/catalogs.ts'
import type {
  BlobRow,
  BlobTombstoneRow,
  CollectionRow,
  ImageDifferenceRow,
  ManifestReferenceRow,
  ManifestRow,
  OrganizationUsageChangeRow,
  OrganizationUsageRow,
  RepositoryBlobRow,
  RepositoryManifestRow,
  StageReservationRow,
  StorageHoldRow,
  SupersededManifestRow,
  TagHistoryRow,
  TagRow,
  UploadSessionRow,
} from './rows/content.ts'
import type {
  DeviceAuthorizationRow,
  IdentityLinkKeyRow,
  IdentityPersonRow,
  IdentityProviderRow,
  IdentityRefusalRow,
  IdentityRuleRow,
  IdentityUsedTokenRow,
  SignInAttemptRow,
  SignInCodeRow,
} from './rows/identity.ts'
import type { ImageFindingRow, ImagePackageRow, ImageReadRow, ImageRow, ImageStatementRow } from './rows/images.ts'
import type {
  MirrorExclusionRow,
  MirrorFactRow,
  MirrorHintRow,
  MirrorHoldRow,
  MirrorPauseRow,
  MirrorRow,
  MirrorSubjectRow,
  MirrorTagExclusionRow,
  MirrorUnlistedRow,
  StoredMirrorTagRow,
  TagPinRow,
} from './rows/mirrors.ts'
import type {
  AccountRow,
  FailedLoginRow,
  InvitationRow,
  MemberRow,
  OrganizationTable,
  RecoveryCodeRow,
  RefreshTokenRow,
  SessionRow,
  SetupCodeRow,
  SignInLinkRow,
  TokenRow,
  TwoFactorRow,
  UserRow,
} from './rows/people.ts'
import type {
  AuditEntryRow,
  EventRow,
  InstanceSettingRow,
  LeaseRow,
  SharedPortionRow,
  SharedRateRow,
} from './rows/platform.ts'
import type {
  ReplicationCounterRow,
  ReplicationPauseRow,
  ReplicationRow,
  ReplicationRuleRow,
  ReplicationRunItemRow,
  ReplicationRunRow,
  ReplicationTagRow,
  TargetContentRow,
  TargetRow,
} from './rows/replications.ts'
import type { RepositoryRow } from './rows/repositories.ts'
import type { MirrorCounterRow, SyncRunItemRow, SyncRunRow } from './rows/runs.ts'
import type { DamagedContentRow, StorageCheckRow } from './rows/storage-checks.ts'
import type { SubscriptionEntryRow, SubscriptionRow } from './rows/subscriptions.ts'
import type {
  InvitationTeamRow,
  OrganizationTokenRow,
  ProviderGroupRow,
  TeamGrantRow,
  TeamMemberRow,
  TeamRow,
} from './rows/teams.ts'
import type { FetchedContentRow, LearnedBudgetRow, UpstreamHookRow, UpstreamRow } from './rows/upstreams.ts'
import type {
  ManifestPullsRow,
  OrganizationPeriodRow,
  RepositoryPeriodRow,
  RepositoryPullsRow,
  TagPullsRow,
} from './rows/usage.ts'
import type {
  EventCursorRow,
  WebhookAttemptRow,
  WebhookCounterRow,
  WebhookDeliveryRow,
  WebhookRow,
} from './rows/webhooks.ts'

export type * from './rows/catalogs.ts'
export type * from './rows/content.ts'
export type * from './rows/identity.ts'
export type * from './rows/images.ts'
export type * from './rows/mirrors.ts'
export type * from './rows/people.ts'
export type * from './rows/platform.ts'
export type * from './rows/replications.ts'
export type * from './rows/repositories.ts'
export type * from './rows/runs.ts'
export type * from './rows/storage-checks.ts'
export type * from './rows/subscriptions.ts'
export type * from './rows/teams.ts'
export type * from './rows/upstreams.ts'
export type * from './rows/usage.ts'
export type * from './rows/webhooks.ts'

export interface Schema {
  blobs: BlobRow
  blob_tombstones: BlobTombstoneRow
  damaged_content: DamagedContentRow
  storage_checks: StorageCheckRow
  storage_holds: StorageHoldRow
  manifests: ManifestRow
  manifest_references: ManifestReferenceRow
  repositories: RepositoryRow
  repository_manifests: RepositoryManifestRow
  repository_blobs: RepositoryBlobRow
  superseded_manifests: SupersededManifestRow
  collections: CollectionRow
  tags: TagRow
  tag_history: TagHistoryRow
  upload_sessions: UploadSessionRow
  repository_periods: RepositoryPeriodRow
  organization_periods: OrganizationPeriodRow
  repository_pulls: RepositoryPullsRow
  tag_pulls: TagPullsRow
  manifest_pulls: ManifestPullsRow
  image_differences: ImageDifferenceRow
  images: ImageRow
  image_packages: ImagePackageRow
  image_findings: ImageFindingRow
  image_reads: ImageReadRow
  image_statements: ImageStatementRow
  events: EventRow
  audit_entries: AuditEntryRow
  organizations: OrganizationTable
  organization_usage: OrganizationUsageRow
  organization_usage_changes: OrganizationUsageChangeRow
  stage_reservations: StageReservationRow
  members: MemberRow
  teams: TeamRow
  team_members: TeamMemberRow
  team_grants: TeamGrantRow
  organization_tokens: OrganizationTokenRow
  users: UserRow
  accounts: AccountRow
  sessions: SessionRow
  tokens: TokenRow
  refresh_tokens: RefreshTokenRow
  failed_logins: FailedLoginRow
  setup_codes: SetupCodeRow
  sign_in_links: SignInLinkRow
  invitations: InvitationRow
  invitation_teams: InvitationTeamRow
  two_factors: TwoFactorRow
  recovery_codes: RecoveryCodeRow
  identity_providers: IdentityProviderRow
  identity_provider_groups: ProviderGroupRow
  identity_link_keys: IdentityLinkKeyRow
  identity_people: IdentityPersonRow
  identity_rules: IdentityRuleRow
  identity_refusals: IdentityRefusalRow
  identity_used_tokens: IdentityUsedTokenRow
  sign_in_attempts: SignInAttemptRow
  sign_in_codes: SignInCodeRow
  device_authorizations: DeviceAuthorizationRow
  upstreams: UpstreamRow
  upstream_hooks: UpstreamHookRow
  catalogs: CatalogRow
  catalog_entries: CatalogEntryRow
  catalog_texts: CatalogTextRow
  mirrors: MirrorRow
  mirror_pauses: MirrorPauseRow
  mirror_hints: MirrorHintRow
  subscriptions: SubscriptionRow
  subscription_entries: SubscriptionEntryRow
  sync_runs: SyncRunRow
  sync_run_items: SyncRunItemRow
  mirror_counters: MirrorCounterRow
  mirror_tags: StoredMirrorTagRow
  mirror_subjects: MirrorSubjectRow
  mirror_facts: MirrorFactRow
  mirror_holds: MirrorHoldRow
  mirror_unlisted: MirrorUnlistedRow
  mirror_exclusions: MirrorExclusionRow
  mirror_tag_exclusions: MirrorTagExclusionRow
  tag_pins: TagPinRow
  fetched_content: FetchedContentRow
  learned_budgets: LearnedBudgetRow
  leases: LeaseRow
  shared_portions: SharedPortionRow
  shared_rates: SharedRateRow
  instance_settings: InstanceSettingRow
  webhooks: WebhookRow
  webhook_deliveries: WebhookDeliveryRow
  webhook_attempts: WebhookAttemptRow
  webhook_counters: WebhookCounterRow
  event_cursors: EventCursorRow
  targets: TargetRow
  target_content: TargetContentRow
  replication_rules: ReplicationRuleRow
  replications: ReplicationRow
  replication_pauses: ReplicationPauseRow
  replication_tags: ReplicationTagRow
  replication_runs: ReplicationRunRow
  replication_run_items: ReplicationRunItemRow
  replication_counters: ReplicationCounterRow
}
