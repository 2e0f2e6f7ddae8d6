// Loaded before all tests (scripts/test): each password is hashed once a process, and each question whether it is right answered once.
// A hash is a tenth of a second of a core by intention; thousands of accounts of tests have the same few passwords, and hashing
// those again was more than half of the time of the tests. The hashes are the real ones, and servers of their own make theirs.
import { mock } from 'bun:test'
import { hashPassword, verifyPassword } from 'better-auth/crypto'

type Verification = Parameters<typeof verifyPassword>[0]
// The functions themselves: the names of the import mean the remembering ones as soon as those are in place.
const real = { hashPassword, verifyPassword }
const hashes = new Map<string, Promise<string>>()
const answers = new Map<string, Promise<boolean>>()

function once<T>(known: Map<string, Promise<T>>, key: string, make: () => Promise<T>): Promise<T> {
  const made = known.get(key) ?? make()
  known.set(key, made)
  return made
}

mock.module('better-auth/crypto', () => ({
  hashPassword: (password: string) => once(hashes, password, () => real.hashPassword(password)),
  verifyPassword: (o: Verification) => once(answers, `${o.hash}\0${o.password}`, () => real.verifyPassword(o)),
}))
