import { expect, test } from 'bun:test'
import { runCommand } from '../support/command.ts'

// As OpenShift runs containers: a number of a user whom no passwd file knows, and no HOME.
test.skipIf(process.getuid?.() !== 0)('who has no home has settings all the same', async () => {
  const asNobodyKnown = ['setpriv', '--reuid=54321', '--regid=54321', '--clear-groups', 'env', '-u', 'HOME']
  const module = `${import.meta.dir}/../../src/config/home.ts`
  const program = `console.log((await import(${JSON.stringify(module)})).homeDirectory())`
  const ran = await runCommand([...asNobodyKnown, process.execPath, '--eval', program], { cwd: '/' })
  expect({ ...ran, stderr: '' }).toMatchObject({ exitCode: 0, stdout: '/\n' })
})
