/** What of a database outlives the processes on it. Whatever is not named here goes into a dump. */

/**
 * Of the moment alone: who is at work, what they have half-way, and what lets somebody in for a while. A dump that held the latter would open
 * sessions for whoever reads it.
 */
const OF_THE_MOMENT: ReadonlySet<string> = new Set([
  'blob_tombstones',
  'collections',
  'device_authorizations',
  'failed_logins',
  'refresh_tokens',
  'sessions',
  'setup_codes',
  'shared_portions',
  'shared_rates',
  'sign_in_attempts',
  'sign_in_codes',
  'sign_in_links',
  'stage_reservations',
  'storage_checks',
  'storage_holds',
  'upload_sessions',
  'verifications',
])

export function isKept(table: string): boolean {
  return !OF_THE_MOMENT.has(table)
}
