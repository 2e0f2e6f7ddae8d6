/** How `kagami copy` reaches a registry: by its options, else by the logins that docker and podman keep. */
import { readFile } from 'node:fs/promises'
import { dockerConfigPaths } from '../config/docker-config-paths.ts'
import type { RegistryPlace } from '../copy/place.ts'
import type { RegistryAccess } from '../copy/registry-places.ts'
import { AppError, messageOf } from '../errors.ts'
import { certificatesOf } from '../lib/certificates.ts'
import { isNoEntry } from '../lib/no-entry.ts'
import { findDockerLogin, parseDockerConfig } from '../remote/docker-config.ts'
import type { CommandLine } from './command-line.ts'
import { UsageError } from './exit.ts'
import { readSecret } from './input.ts'

export interface AccessOptions {
  readonly srcUsername?: string
  readonly srcPasswordFile?: string
  readonly srcCaFile?: string
  readonly srcPlainHttp?: true
  readonly dstUsername?: string
  readonly dstPasswordFile?: string
  readonly dstCaFile?: string
  readonly dstPlainHttp?: true
  readonly plainHttp?: true
}

type Side = 'src' | 'dst'
type Given = Omit<RegistryAccess, 'plainHttp'> & { readonly plainHttp: boolean }

/** Reads the files and standard input once, before anything is asked. @throws UsageError, AppError INVALID_REQUEST */
export async function readAccess(
  line: CommandLine,
  o: AccessOptions,
  sourceHost: string | undefined,
  signal: AbortSignal,
): Promise<(place: RegistryPlace, side: Side) => Promise<RegistryAccess>> {
  if (o.srcPasswordFile === '-' && o.dstPasswordFile === '-') {
    throw new UsageError('standard input holds one password: give the other one by a file')
  }
  const given = { src: await readSide(line, o, 'src'), dst: await readSide(line, o, 'dst') }
  return async (place, side) => {
    const one = given[side]
    // The login of the source is not for whatever other registry the attestations are at.
    const isTheirs = side === 'dst' || place.host === sourceHost
    const { username, password, ...rest } = one
    if (username !== undefined && isTheirs) return one
    const login = await findLogin(line, place, signal)
    return { ...rest, username: login?.username, password: login?.password }
  }
}

async function readSide(line: CommandLine, o: AccessOptions, side: Side): Promise<Given> {
  const [username, passwordFile, caFile] = [o[`${side}Username`], o[`${side}PasswordFile`], o[`${side}CaFile`]]
  if ((username === undefined) !== (passwordFile === undefined)) {
    throw new UsageError(`want both --${side}-username and --${side}-password-file, or neither`)
  }
  return {
    username,
    password: passwordFile === undefined ? undefined : await readPassword(line, passwordFile, side),
    ca:
      caFile === undefined
        ? undefined
        : certificatesOf(await read(caFile, `--${side}-ca-file`), `--${side}-ca-file ${caFile}`),
    plainHttp: o.plainHttp === true || o[`${side}PlainHttp`] === true,
  }
}

async function readPassword(line: CommandLine, path: string, side: Side): Promise<string> {
  if (path === '-') return await readSecret(line, 'password')
  const password = (await read(path, `--${side}-password-file`)).replace(/\r?\n$/, '')
  if (password === '') throw new AppError('INVALID_REQUEST', `--${side}-password-file ${path} is empty`)
  return password
}

async function read(path: string, option: string): Promise<string> {
  return await readFile(path, 'utf8').catch((error) => {
    throw new AppError('INVALID_REQUEST', `${option} ${path} cannot be read: ${messageOf(error)}`, { cause: error })
  })
}

/** Of the first file that has one. */
async function findLogin(line: CommandLine, { host, repository }: RegistryPlace, signal: AbortSignal) {
  for (const path of line.dockerConfigPaths ?? dockerConfigPaths()) {
    const text = await readFile(path, 'utf8').catch((error) => {
      if (isNoEntry(error)) return undefined
      throw new AppError('CONFIG_INVALID', `${path} cannot be read: ${messageOf(error)}`, { cause: error })
    })
    if (text === undefined) continue
    const login = await findDockerLogin(parseDockerConfig(text, path), host, { repository, signal })
    if (login !== undefined) return login
  }
  return undefined
}
