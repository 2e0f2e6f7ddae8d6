import { crc32 } from 'node:zlib'

/** One entry of an archive. Paths are relative; a directory's ends with `/`. */
export type TarEntry = { readonly path: string; readonly mode: number; readonly owner?: number } & (
  | { readonly kind: 'file'; readonly content: string }
  | { readonly kind: 'directory' }
  | { readonly kind: 'symlink'; readonly target: string }
)

const BLOCK_BYTES = 512
const TYPE_FLAG = { file: '0', symlink: '2', directory: '5' } as const

/**
 * A POSIX ustar archive (IEEE Std 1003.1 "ustar Interchange Format"): the same bytes for the same entries on every machine.
 * @param modifiedAt of every entry; whole seconds count
 * @throws RangeError when a path has more than 100 bytes: the sample needs no `prefix` field
 */
export function tarOf(entries: readonly TarEntry[], modifiedAt: Date): Uint8Array {
  const parts = entries.flatMap((entry) => {
    const body = Buffer.from(entry.kind === 'file' ? entry.content : '')
    return [header(entry, body.byteLength, modifiedAt), body, Buffer.alloc(-body.byteLength & (BLOCK_BYTES - 1))]
  })
  return Buffer.concat([...parts, Buffer.alloc(2 * BLOCK_BYTES)])
}

function header(entry: TarEntry, sizeBytes: number, modifiedAt: Date): Buffer {
  if (Buffer.byteLength(entry.path) > 100) {
    throw new RangeError(`path ${entry.path} has more than the 100 bytes that a ustar name holds`)
  }
  const block = Buffer.alloc(BLOCK_BYTES)
  const octal = (value: number, offset: number, length: number) =>
    block.write(value.toString(8).padStart(length - 1, '0'), offset)
  const owner = entry.owner ?? 0
  block.write(entry.path, 0)
  octal(entry.mode, 100, 8)
  octal(owner, 108, 8)
  octal(owner, 116, 8)
  octal(sizeBytes, 124, 12)
  octal(Math.floor(modifiedAt.getTime() / 1000), 136, 12)
  block.write(TYPE_FLAG[entry.kind], 156)
  if (entry.kind === 'symlink') block.write(entry.target, 157)
  block.write('ustar\u000000', 257)
  // The sum is taken with the checksum field itself as spaces.
  block.fill(' ', 148, 156)
  const sum = block.reduce((total, byte) => total + byte, 0)
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return block
}

const STORED_BLOCK_BYTES = 0xffff

/**
 * A gzip member (RFC 1952) of stored blocks (RFC 1951 section 3.2.4). A compressor's output depends on its version and on
 * the processor; stored blocks do not, so digests are the same everywhere. The content is small enough not to miss it.
 */
export function gzipOf(bytes: Uint8Array): Uint8Array {
  const parts: Uint8Array[] = [Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff])]
  let offset = 0
  do {
    const block = bytes.subarray(offset, offset + STORED_BLOCK_BYTES)
    offset += block.byteLength
    const head = Buffer.alloc(5)
    head.writeUInt8(offset >= bytes.byteLength ? 1 : 0, 0)
    head.writeUInt16LE(block.byteLength, 1)
    head.writeUInt16LE(~block.byteLength & 0xffff, 3)
    parts.push(head, block)
  } while (offset < bytes.byteLength)
  const trailer = Buffer.alloc(8)
  trailer.writeUInt32LE(crc32(bytes), 0)
  trailer.writeUInt32LE(bytes.byteLength, 4)
  return Buffer.concat([...parts, trailer])
}
