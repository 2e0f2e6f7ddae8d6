import { type Digest, findDigest } from '../../oci/digest.ts'

/** Entity tags of a conditional header, quoted, weak or bare (Docker's registry accepts all three). */
function entityTags(header: string): string[] {
  return header.split(',').map((tag) =>
    tag
      .trim()
      .replace(/^W\//, '')
      .replace(/^"(.*)"$/, '$1'),
  )
}

/** Whether `If-None-Match` names this digest: the answer is 304 then (RFC 9110 section 13.1.2). */
export function isUnmodified(request: Request, digest: Digest): boolean {
  const header = request.headers.get('if-none-match')
  return header !== null && (header.trim() === '*' || entityTags(header).includes(digest))
}

/** What `If-Match` wants the tag to point at; undefined when there is no such header. */
export function expectedDigests(request: Request): readonly Digest[] | 'any' | undefined {
  const header = request.headers.get('if-match')
  if (header === null) return undefined
  if (header.trim() === '*') return 'any'
  return entityTags(header).flatMap((tag) => findDigest(tag) ?? [])
}
