// Copies between folders and archives, without a registry: every layout of the fixtures, digest by digest.
import { afterAll, expect, test } from 'bun:test'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { succeed } from '../support/command.ts'
import { compareLayoutFolder } from '../support/compare-layout.ts'
import { copyForReport } from '../support/copy.ts'
import { describeWithFixtures, fixtureLayout, fixturePath } from '../support/fixtures.ts'
import { temporaryDirectory } from '../support/process.ts'

/** The others go the same way through registries. */
const LAYOUTS = ['oras-tree', 'formats']

describeWithFixtures('copies between layouts', () => {
  const directory = temporaryDirectory('copy-layouts')
  afterAll(() => directory.remove())
  const at = (...parts: string[]) => join(directory.path, ...parts)

  for (const name of LAYOUTS) {
    test(`${name}: folder → archive → folder has every byte, and a second copy sends nothing`, async () => {
      const layout = fixtureLayout(name)
      const short = name.replace('/', '-')
      const [tar, folder] = [`tar:${at(`${short}.tar`)}`, `oci:${at(short)}`]
      const packed = await copyForReport([`oci:${fixturePath(name)}`, tar, '--all-tags'])
      expect(packed).toMatchObject({ outcome: 'done', failures: [] })
      const unpacked = await copyForReport([tar, folder, '--all-tags'])
      expect(unpacked.outcome).toBe('done')
      expect(compareLayoutFolder(layout, at(short))).toEqual([])
      // By another program than ours.
      await succeed(
        Promise.resolve(
          await run(['sh', '-c', `mkdir ${at(`${short}-x`)} && tar -xf ${at(`${short}.tar`)} -C ${at(`${short}-x`)}`]),
        ),
      )
      expect(compareLayoutFolder(layout, at(`${short}-x`))).toEqual([])

      const before = [readFileSync(at(short, 'index.json'), 'utf8'), statSync(at(`${short}.tar`)).ino]
      for (const [from, to] of [
        [tar, folder],
        [folder, tar],
      ] as const) {
        const again = await copyForReport([from, to, '--all-tags'])
        expect(again.counts).toMatchObject({ tagsMoved: 0, manifests: 0, referrers: 0, blobs: 0, sentBytes: 0 })
      }
      expect([readFileSync(at(short, 'index.json'), 'utf8'), statSync(at(`${short}.tar`)).ino]).toEqual(before)
    })
  }

  test('the same content makes the same archive, whatever way it came', async () => {
    const source = fixturePath('oras-tree')
    await copyForReport([`oci:${source}`, `tar:${at('one.tar')}`, '--all-tags'])
    for (const tag of [...fixtureLayout('oras-tree').tags.keys()].reverse()) {
      await copyForReport([`oci:${source}:${tag}`, `tar:${at('two.tar')}`])
    }
    expect(Bun.hash(readFileSync(at('two.tar')))).toBe(Bun.hash(readFileSync(at('one.tar'))))
  })
})

async function run(command: readonly string[]) {
  const child = Bun.spawn([...command], { stdout: 'pipe', stderr: 'pipe' })
  const [stdout, stderr] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()])
  return { exitCode: await child.exited, stdout, stderr }
}
