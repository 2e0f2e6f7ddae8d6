// What a disk is sure to have of what a process did, by the letter of POSIX: bytes of a file once it was synced, a name once its directory was.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Arg, Call } from './trace.ts'

/** Pages are what a disk writes: of one write any may be there, and any not. */
const PAGE_BYTES = 4096

interface Inode {
  readonly isDirectory: boolean
  /** Names below it as they are while the trace is read. */
  readonly names: Map<string, Inode>
  readonly changes: Change[]
  /** A sync makes what had ended before it began durable, as soon as it has ended. */
  readonly syncs: { readonly begun: number; readonly ended: number }[]
}

interface Change {
  readonly at: number
  readonly write?: { readonly offset: number; readonly bytes: Buffer }
  readonly truncate?: number
  readonly name?: string
  /** What the name leads to; undefined: it is taken away. */
  readonly to?: Inode | undefined
  /** Takes the old name away of what was renamed: never without the new name. */
  readonly with?: { readonly inode: Inode; readonly change: Change }
}

/** What has not been made durable: whether this part of it is there all the same. */
export type Luck = () => boolean

export interface TracedDisk {
  /** What is below the root when the power goes at a line of the trace. @param luck undefined: nothing that is not sure */
  at(line: number, luck?: Luck): DiskImage
  /** Texts that were sent, with the line where the sending began. */
  readonly sent: readonly { readonly at: number; readonly text: string }[]
  readonly lines: number
  /** Lines at which something changed. */
  readonly changed: readonly number[]
}

/** Files by their path below the root; directories are those that files or other directories are in. */
export interface DiskImage {
  readonly files: ReadonlyMap<string, Buffer>
  writeTo(directory: string): void
}

/** @param root existed, empty and durable, before the process began */
export function replay(calls: readonly Call[], root: string): TracedDisk {
  const top = newInode(true)
  const descriptors = new Map<number, { readonly inode: Inode; position: number; readonly appends: boolean }>()
  const sent: { at: number; text: string }[] = []
  const changed: number[] = []

  const isInside = (path: string | undefined) => path !== undefined && `${path}/`.startsWith(`${root}/`)
  const pathOf = (call: Call, at: number): string => {
    const text = call.args[at]?.bytes?.toString() ?? ''
    return text.startsWith('/') ? text : join(call.args[at - 1]?.path ?? root, text)
  }
  const walk = (path: string): Inode | undefined => {
    let inode: Inode | undefined = top
    for (const name of path.slice(root.length).split('/')) if (name !== '') inode = inode?.names.get(name)
    return inode
  }
  const parentOf = (path: string): { parent: Inode; name: string } => {
    const cut = path.lastIndexOf('/')
    const parent = walk(path.slice(0, cut))
    if (parent === undefined) throw new Error(`the trace names ${path}, whose directory it has not made`)
    return { parent, name: path.slice(cut + 1) }
  }
  const change = (inode: Inode, one: Change): Change => {
    inode.changes.push(one)
    changed.push(one.at)
    return one
  }
  const put = (path: string, to: Inode | undefined, at: number, joined?: Change['with']): Change['with'] => {
    const { parent, name } = parentOf(path)
    if (to === undefined) parent.names.delete(name)
    else parent.names.set(name, to)
    return {
      inode: parent,
      change: change(parent, { at, name, to, ...(joined === undefined ? {} : { with: joined }) }),
    }
  }

  function opened(call: Call, at: number): void {
    const path = pathOf(call, at)
    if (!isInside(path)) {
      descriptors.delete(call.result)
      return
    }
    const flags = call.args[at + 1]?.raw ?? ''
    let inode = walk(path)
    if (inode === undefined) {
      if (!flags.includes('O_CREAT')) throw new Error(`the trace opens ${path}, which it has not made`)
      inode = newInode(false)
      put(path, inode, call.ended)
    }
    if (flags.includes('O_TRUNC')) change(inode, { at: call.ended, truncate: 0 })
    descriptors.set(call.result, { inode, position: 0, appends: flags.includes('O_APPEND') })
  }

  function written(call: Call): void {
    const [to] = call.args
    if (/^(socket|TCP)/.test(to?.path ?? '')) {
      sending(call)
      return
    }
    const open = isInside(to?.path?.replace(/ \(deleted\)$/, '')) ? descriptors.get(to?.fd ?? -1) : undefined
    if (open === undefined) return
    const bytes = Buffer.concat(call.args.flatMap((arg) => arg.bytes ?? [])).subarray(0, call.result)
    const isPlaced = call.name.startsWith('p')
    const last = call.args.filter((arg) => /^\d+$/.test(arg.raw))
    if (open.appends) throw new Error('the trace appends to a file: the model knows no size')
    const offset = isPlaced ? Number(last.at(call.name === 'pwritev2' ? -2 : -1)?.raw) : open.position
    if (!isPlaced) open.position += bytes.byteLength
    change(open.inode, { at: call.ended, write: { offset, bytes } })
  }

  function sending(call: Call): void {
    sent.push({ at: call.begun, text: call.args.map((arg: Arg) => arg.bytes?.toString('latin1') ?? '').join('') })
  }

  function synced(call: Call): void {
    const [of] = call.args
    const open = isInside(of?.path?.replace(/ \(deleted\)$/, '')) ? descriptors.get(of?.fd ?? -1) : undefined
    open?.inode.syncs.push({ begun: call.begun, ended: call.ended })
  }

  function renamed(call: Call, from: string, to: string): void {
    if (!isInside(from) || !isInside(to)) return
    const inode = walk(from)
    if (inode === undefined) throw new Error(`the trace renames ${from}, which it has not made`)
    put(from, undefined, call.ended, put(to, inode, call.ended))
  }

  for (const call of calls) {
    const { name } = call
    const [first, second] = [() => pathOf(call, 0), () => pathOf(call, 1)]
    if (name === 'open' || name === 'creat') opened(call, 0)
    else if (name === 'openat') opened(call, 1)
    else if (/^p?writev?2?(64)?$/.test(name)) written(call)
    else if (name === 'sendto' || name === 'sendmsg') sending(call)
    else if (name === 'fsync' || name === 'fdatasync') synced(call)
    else if (name === 'ftruncate') {
      const open = isInside(call.args[0]?.path) ? descriptors.get(call.args[0]?.fd ?? -1) : undefined
      if (open !== undefined) change(open.inode, { at: call.ended, truncate: Number(call.args[1]?.raw) })
    } else if (name === 'rename') renamed(call, first(), second())
    else if (name === 'renameat' || name === 'renameat2') renamed(call, pathOf(call, 1), pathOf(call, 3))
    else if (name === 'link') linked(first(), second(), call.ended)
    else if (name === 'linkat') linked(pathOf(call, 1), pathOf(call, 3), call.ended)
    else if (name === 'unlink' || name === 'rmdir') removed(first(), call.ended)
    else if (name === 'unlinkat') removed(pathOf(call, 1), call.ended)
    else if (name === 'mkdir') made(first(), call.ended)
    else if (name === 'mkdirat') made(pathOf(call, 1), call.ended)
    else if (name !== 'fallocate' && call.args.some(({ path }) => isInside(path))) {
      throw new Error(`the trace has ${name} on a file below ${root}, which the model does not know`)
    }
  }
  function linked(from: string, to: string, at: number): void {
    const inode = isInside(from) ? walk(from) : undefined
    if (inode !== undefined) put(to, inode, at)
  }
  function removed(path: string, at: number): void {
    if (isInside(path)) put(path, undefined, at)
  }
  function made(path: string, at: number): void {
    if (isInside(path) && path !== root) put(path, newInode(true), at)
  }

  return {
    sent,
    changed,
    lines: calls.at(-1)?.ended ?? 0,
    at: (line, luck) => imageOf(top, line, luck),
  }
}

function newInode(isDirectory: boolean): Inode {
  return { isDirectory, names: new Map(), changes: [], syncs: [] }
}

function imageOf(top: Inode, line: number, luck: Luck | undefined): DiskImage {
  const kept = new Map<Change, boolean>()
  const isKept = (inode: Inode, one: Change): boolean => {
    const known = kept.get(one)
    if (known !== undefined) return known
    const isSure = inode.syncs.some(({ begun, ended }) => ended < line && begun > one.at)
    const isThere = isSure || luck?.() === true
    const result = isThere && (one.with === undefined || isKept(one.with.inode, one.with.change))
    kept.set(one, result)
    return result
  }
  const files = new Map<string, Buffer>()
  /** A file with two names has one content. */
  const contents = new Map<Inode, Buffer>()
  const directories: string[] = []
  const visit = (inode: Inode, path: string): void => {
    directories.push(path)
    const names = new Map<string, Inode>()
    for (const one of inode.changes) {
      if (one.at >= line || one.name === undefined || !isKept(inode, one)) continue
      if (one.to === undefined) names.delete(one.name)
      else names.set(one.name, one.to)
    }
    for (const [name, to] of names) {
      const below = path === '' ? name : `${path}/${name}`
      if (to.isDirectory) visit(to, below)
      else {
        const content = contents.get(to) ?? contentOf(to, line, luck)
        contents.set(to, content)
        files.set(below, content)
      }
    }
  }
  visit(top, '')
  return {
    files,
    writeTo(directory) {
      for (const path of directories) mkdirSync(join(directory, path), { recursive: true, mode: 0o700 })
      for (const [path, bytes] of files) writeFileSync(join(directory, path), bytes, { mode: 0o600 })
    },
  }
}

function contentOf(inode: Inode, line: number, luck: Luck | undefined): Buffer {
  let content = Buffer.alloc(0)
  let size = 0
  const room = (bytes: number) => {
    if (bytes > content.byteLength) {
      content = Buffer.concat([content, Buffer.alloc(Math.max(bytes, 2 * content.byteLength) - content.byteLength)])
    }
    size = Math.max(size, bytes)
  }
  for (const { at, write, truncate } of inode.changes) {
    if (at >= line) continue
    const isSure = inode.syncs.some(({ begun, ended }) => ended < line && begun > at)
    if (truncate !== undefined && (isSure || luck?.() === true)) {
      content.fill(0, Math.min(truncate, size))
      size = Math.min(size, truncate)
      room(truncate)
    }
    if (write === undefined) continue
    if (isSure) {
      room(write.offset + write.bytes.byteLength)
      write.bytes.copy(content, write.offset)
    } else if (luck !== undefined) {
      for (let from = 0; from < write.bytes.byteLength; from += PAGE_BYTES) {
        if (!luck()) continue
        const page = write.bytes.subarray(from, from + PAGE_BYTES)
        room(write.offset + from + page.byteLength)
        page.copy(content, write.offset + from)
      }
    }
  }
  return content.subarray(0, size)
}
