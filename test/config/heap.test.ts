import { expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { HEAP_SETTINGS, startAnewWithHeapSettings } from '../../src/config/heap.ts'
import { cloneProgram } from '../support/kagami.ts'

test('the executable keeps its heap as the clone does', () => {
  const program = readFileSync(cloneProgram, 'utf8')
  const exported = [...program.matchAll(/^export (BUN_JSC_\w+)="\$\{\1:-([\d.]+)\}"$/gm)]
  expect(Object.fromEntries(exported.map(([, name, value]) => [name, value]))).toEqual(HEAP_SETTINGS)
})

test('who has set all of it, whatever to, is not started anew', () => {
  const set = Object.fromEntries(Object.keys(HEAP_SETTINGS).map((name) => [name, '1']))
  // It would be another program from here on.
  startAnewWithHeapSettings(set, ['--version'])
})
