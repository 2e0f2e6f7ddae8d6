/**
 * What registries document that a login may ask of them, as data: held by default, so that nobody has to meet the refusals first. What a
 * registry tells in its answers (Docker Hub's pulls), or documents without a number (Quay), is not here.
 */
import { isWrite, READS, type RequestKind, WRITES } from './registry-windows.ts'

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

const ECR = {
  registry: 'Amazon ECR',
  hosts: /\.dkr\.ecr(-fips)?\.[a-z0-9-]+\.amazonaws\.com(\.cn)?$/,
  source: 'https://docs.aws.amazon.com/AmazonECR/latest/userguide/service-quotas.html',
} as const

const ECR_PUBLIC = {
  registry: 'Amazon ECR Public',
  hosts: /^public\.ecr\.aws$/,
  source: 'https://docs.aws.amazon.com/AmazonECR/latest/public/public-service-quotas.html',
} as const

const GOOGLE = {
  registry: 'Google Artifact Registry',
  hosts: /(-docker\.pkg\.dev|^gcr\.io|\.gcr\.io)$/,
  source: 'https://cloud.google.com/artifact-registry/quotas',
} as const

const PUTS = { counts: 'PutImage', kinds: ['manifest-put'] } as const
const BEGINS = { counts: 'InitiateLayerUpload', kinds: ['upload-begin'] } as const
const PARTS = { counts: 'UploadLayerPart', kinds: ['upload-part'] } as const
const ENDS = { counts: 'CompleteLayerUpload', kinds: ['upload-end'] } as const
const PULLS = { counts: 'pulls', kinds: ['manifest-get'] } as const

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
    counts: 'reads',
    kinds: READS,
    // Of the smallest tier; larger ones allow 3,000 and 10,000. Writes (100, 500, 2,000) are left to its refusals: those of the smallest tier
    // would make each push to a larger one take twenty times as long.
    rate: '1000/m',
    source: 'https://learn.microsoft.com/azure/container-registry/container-registry-skus',
  },
  { ...ECR, ...PUTS, rate: '10/s' },
  { ...ECR, ...BEGINS, rate: '100/s' },
  { ...ECR, ...PARTS, rate: '500/s' },
  { ...ECR, ...ENDS, rate: '100/s' },
  { ...ECR_PUBLIC, ...PULLS, isAnonymous: false, rate: '10/s' },
  { ...ECR_PUBLIC, ...PULLS, isAnonymous: true, rate: '1/s' },
  // Nobody writes there without a login.
  { ...ECR_PUBLIC, ...PUTS, isAnonymous: false, rate: '10/s' },
  { ...ECR_PUBLIC, ...BEGINS, isAnonymous: false, rate: '10/s' },
  { ...ECR_PUBLIC, ...PARTS, isAnonymous: false, rate: '260/s' },
  { ...ECR_PUBLIC, ...ENDS, isAnonymous: false, rate: '10/s' },
  { ...GOOGLE, counts: 'requests', rate: '60000/m' },
  { ...GOOGLE, counts: 'writes', kinds: WRITES, rate: '18000/m' },
]

/**
 * @param host of the registry, without its port
 * @param use `read`: without those that count writes alone
 */
export function ceilingsOf(host: string, isAnonymous: boolean, use: 'read' | 'write' = 'write'): Ceiling[] {
  return CEILINGS.filter((one) => one.hosts.test(host) && (one.isAnonymous ?? isAnonymous) === isAnonymous).filter(
    ({ kinds }) => use === 'write' || (kinds?.some((kind) => !isWrite(kind)) ?? true),
  )
}
