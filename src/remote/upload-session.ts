import type { HttpResponse } from '../net/guarded-fetch.ts'
import type { TargetSession } from './target-session.ts'
import { uploadLocation } from './upload-location.ts'

/** An upload that a registry has begun. */
export interface UploadSession {
  readonly location: URL
  /** See `HttpResponse`. */
  readonly ledBy: string
  /** The least of a chunk that is not the last, in bytes. */
  readonly leastChunk: number
}

/** What is known of an answer that named how the upload goes on. */
export function sessionOf(target: TargetSession, response: HttpResponse, what: string): UploadSession {
  const { address } = target.session
  const least = Number(response.headers.get('oci-chunk-min-length') ?? 0)
  return {
    location: uploadLocation(response, address.base, `${address.host}: ${what}`),
    ledBy: response.ledBy,
    leastChunk: Number.isSafeInteger(least) && least > 0 ? least : 0,
  }
}
