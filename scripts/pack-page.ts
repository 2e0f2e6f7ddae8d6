// Writes the bundled web page into one file, which `scripts/build` packs into the executable.
import { packPage } from '../src/server/page-bundle.ts'

const [, , outfile] = process.argv
if (outfile === undefined) throw new Error('want the file to write')
await Bun.write(outfile, JSON.stringify(await packPage()))
