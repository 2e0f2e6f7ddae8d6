/** Names in a blob store. What does not look like one never reaches a path. */

export const STAGE_ID = /^[A-Za-z0-9-]{1,200}$/

export function requireStageId(id: string): void {
  if (!STAGE_ID.test(id)) throw new Error(`not a stage id: ${JSON.stringify(id)}`)
}

/** Its second group is the first byte of the digest, in hexadecimal. */
export const STORAGE_KEY = /^(sha256|sha512)-([a-f0-9]{2})[a-f0-9]+-[a-z0-9]+$/
