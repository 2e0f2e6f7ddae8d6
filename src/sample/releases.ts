import { AppError } from '../errors.ts'

/** Releases are numbered 1, 2, 3, …; everything in the sample is a pure function of the number and the signing key. */
export type ReleaseNumber = number

const FIRST_RELEASE_AT = Date.UTC(2026, 0, 13, 9, 14, 30)
const RELEASE_INTERVAL_MS = 7 * 24 * 60 * 60 * 1000

/** The time written into everything that a release makes: a fixed one, so that digests do not depend on the clock. */
export function releasedAt(release: ReleaseNumber): Date {
  return new Date(FIRST_RELEASE_AT + (release - 1) * RELEASE_INTERVAL_MS)
}

/** `minutes` after the release, as RFC 3339 in whole seconds: SPDX wants no fraction. */
export function releaseTime(release: ReleaseNumber, minutes = 0): string {
  return `${new Date(releasedAt(release).getTime() + minutes * 60_000).toISOString().slice(0, 19)}Z`
}

/** A bound far beyond use that keeps times and CVE numbers well formed. */
const LAST_RELEASE = 9999

/** @throws AppError INVALID_REQUEST */
export function checkRelease(release: number): void {
  if (Number.isInteger(release) && release >= 1 && release <= LAST_RELEASE) return
  throw new AppError('INVALID_REQUEST', `sample release is ${release}, want a whole number from 1 to ${LAST_RELEASE}`)
}
