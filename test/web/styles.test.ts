// The page has the styles of those parts of Mantine that it uses, each of them and no others.
import { expect, test } from 'bun:test'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

const WEB = join(import.meta.dir, '../../src/web')
const STYLES = join(dirname(require.resolve('@mantine/core/styles.css')), 'styles')
/** What every page of Mantine begins with. */
const OF_ALL = ['baseline', 'default-css-variables', 'global']

test('every part of Mantine in the bundle brings its styles', async () => {
  const built = await Bun.build({
    entrypoints: [join(WEB, 'main.tsx')],
    target: 'browser',
    splitting: true,
    metafile: true,
  })
  const used = new Set(
    Object.values(built.metafile?.outputs ?? {}).flatMap(({ inputs }) =>
      Object.entries(inputs).flatMap(([path, { bytesInOutput }]) => {
        const folders = /@mantine\/core\/.*?\/(?:components|utils)\/(.+)\/[^/]+$/.exec(path)?.[1]?.split('/') ?? []
        return bytesInOutput === 0 ? [] : folders
      }),
    ),
  )
  const wanted = [...OF_ALL, ...[...used].filter((name) => existsSync(join(STYLES, `${name}.css`)))]
  const text = readFileSync(join(WEB, 'mantine.css'), 'utf8')
  const named = [...text.matchAll(/@import "@mantine\/core\/styles\/([\w-]+)\.css"/g)].map(([, name]) => name)
  expect(named.toSorted()).toEqual(wanted.toSorted())
})
