/**
 * What registries document that a login may ask of them, as data: held by default, so that nobody has to meet the refusals first. What a
 * registry tells in its answers (Docker Hub's pulls), or documents without a number (Quay), is not here.
 */
import type { RequestKind } from './registry-windows.ts'

export interface Ceiling {
  readonly registry: string
  readonly hosts: RegExp
  /** Undefined: with a login and without. */
  readonly isAnonymous?: boolean
  /** What it counts, for people. */
  readonly counts: string
  /** Undefined: all requests. */
  readonly kinds?: readonly RequestKind[]
  /** As `lib/rate.ts` reads it. */
  readonly rate: string
  readonly source: string
}

const ECR_PUBLIC = {
  registry: 'Amazon ECR Public',
  hosts: /^public\.ecr\.aws$/,
  counts: 'pulls',
  kinds: ['manifest-get'],
  source: 'https://docs.aws.amazon.com/AmazonECR/latest/public/public-service-quotas.html',
} as const

export const CEILINGS: readonly Ceiling[] = [
  {
    registry: 'GitHub (GHCR)',
    hosts: /^ghcr\.io$/,
    counts: 'requests',
    rate: '2000/m',
    source: 'https://github.com/clowdhaus/ocync',
  },
  {
    registry: 'Azure (ACR)',
    hosts: /\.azurecr\.(io|us|cn)$/,
    counts: 'requests',
    // Of the smallest tier; larger ones allow 3,000 and 10,000.
    rate: '1000/m',
    source: 'https://learn.microsoft.com/azure/container-registry/container-registry-skus',
  },
  { ...ECR_PUBLIC, isAnonymous: false, rate: '10/s' },
  { ...ECR_PUBLIC, isAnonymous: true, rate: '1/s' },
]

/** @param host of the registry, without its port */
export function ceilingsOf(host: string, isAnonymous: boolean): Ceiling[] {
  return CEILINGS.filter((one) => one.hosts.test(host) && (one.isAnonymous ?? isAnonymous) === isAnonymous)
}
