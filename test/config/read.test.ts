import { expect, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { readSettings } from '../../src/config/read.ts'
import { temporaryDirectory } from '../support/process.ts'

test('kagami.yaml of the working directory is read where it exists', () => {
  using directory = temporaryDirectory('settings')
  expect(readSettings({}, directory.path)).toMatchObject({
    organization: 'acme',
    dataDirectory: join(directory.path, 'data'),
  })
  writeFileSync(join(directory.path, 'kagami.yaml'), 'org: umbrella\n')
  expect(readSettings({}, directory.path).organization).toBe('umbrella')
})

test('KAGAMI_CONFIG names another file, whose name the refusals carry', () => {
  using directory = temporaryDirectory('settings')
  writeFileSync(join(directory.path, 'kagami.yaml'), 'org: umbrella\n')
  writeFileSync(join(directory.path, 'other.yaml'), 'org: other\n')
  expect(readSettings({ KAGAMI_CONFIG: 'other.yaml' }, directory.path).organization).toBe('other')
  writeFileSync(join(directory.path, 'other.yaml'), 'org: other\nor: x\n')
  expect(() => readSettings({ KAGAMI_CONFIG: 'other.yaml' }, directory.path)).toThrow(
    'other.yaml:2: unknown setting or; did you mean org?',
  )
})

test('a file that KAGAMI_CONFIG names must be there, and a folder is no file', () => {
  using directory = temporaryDirectory('settings')
  expect(() => readSettings({ KAGAMI_CONFIG: 'none.yaml' }, directory.path)).toThrow(
    'KAGAMI_CONFIG: none.yaml: cannot be read',
  )
  expect(() => readSettings({ KAGAMI_CONFIG: directory.path }, directory.path)).toThrow('cannot be read')
})
