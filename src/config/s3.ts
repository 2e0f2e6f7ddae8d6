/** The bucket of `KAGAMI_BLOBS` with its keys, which are where all tools of AWS look for them: in the environment. */
import { quoted } from '../lib/quoted.ts'
import { createSecret, type Secret } from '../lib/secret.ts'
import type { Field } from './fields.ts'
import type { Environment } from './settings.ts'
import { invalid } from './text.ts'
import type { BlobLocation } from './values.ts'
import * as value from './values.ts'

export interface BlobBucket {
  readonly bucket: string
  readonly prefix: string
  readonly endpoint: string
  readonly region: string
  readonly style: 'path' | 'virtual'
  /** Undefined: found where the server runs. */
  readonly credentials:
    | { readonly accessKeyId: string; readonly secretAccessKey: Secret; readonly sessionToken: Secret | undefined }
    | undefined
}

const ARGUMENT = {
  want: 's3://BUCKET/PREFIX?endpoint=URL&region=REGION&style=path, of which the bucket alone is needed',
}

/** The bucket that an argument of a command names, with the keys of the environment, of this process unless told. @throws AppError CONFIG_INVALID */
export function parseBucket(text: string, env: Environment = process.env): BlobBucket {
  const location = value.blobs(text)
  const bucket = location && bucketOf(location, env, { ...ARGUMENT, variable: text })
  if (bucket !== undefined) return bucket
  // Somebody may have put keys there.
  throw invalid(quoted(text.replace(/\/\/[^/]*@/, '//…@').replace(/=[^&]*/g, '=…'), 200), ARGUMENT, 'another address')
}

/** Of servers that have regions in name only. */
const ANY_REGION = 'us-east-1'

/** @returns undefined: blobs are files. @throws AppError CONFIG_INVALID for half of a pair of keys, or a bucket of Amazon's without a region */
export function bucketOf(
  location: BlobLocation,
  env: Environment,
  field: Pick<Field, 'variable' | 'want'>,
): BlobBucket | undefined {
  if (location.kind === 'files') return undefined
  const read = (name: string) => (env[name] === '' ? undefined : env[name])
  const region = location.region ?? read('AWS_REGION') ?? read('AWS_DEFAULT_REGION')
  if (region === undefined && location.endpoint === undefined) {
    throw invalid(field.variable, field, 'a bucket without a region: add ?region=REGION, or set AWS_REGION')
  }
  const [id, secret, session] = ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN'].map(read)
  if ((id === undefined) !== (secret === undefined)) {
    const missing = id === undefined ? 'AWS_ACCESS_KEY_ID' : 'AWS_SECRET_ACCESS_KEY'
    throw invalid(field.variable, field, `a bucket with half of its keys: ${missing} is not set`)
  }
  return {
    bucket: location.bucket,
    prefix: location.prefix,
    endpoint: location.endpoint ?? `https://s3.${region}.amazonaws.com`,
    region: region ?? ANY_REGION,
    style: location.style,
    credentials:
      id === undefined || secret === undefined
        ? undefined
        : {
            accessKeyId: id,
            secretAccessKey: createSecret(secret),
            sessionToken: session === undefined ? undefined : createSecret(session),
          },
  }
}
