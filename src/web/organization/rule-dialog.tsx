/** Adds a rule for CI jobs: of the systems that most have by the name of the project, of another one by issuer and subject. */
import { NumberInput, Select, SimpleGrid, Stack, TextInput } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import { useChange } from '../api/client.ts'
import { organizationPath } from '../api/paths.ts'
import { request } from '../api/request.ts'
import { Dialog, DialogButtons } from '../shell/dialog.tsx'
import { Failure } from '../shell/parts.tsx'
import { useTell } from '../shell/tell.ts'
import { useSpeech } from '../text/language.tsx'
import { givenText, textOf, wordsOf } from './form-text.ts'
import { RepositoriesChoice, RightsChoice, type TokenRight } from './rights-choice.tsx'

/** What CI systems sign, and the claim that names the project: as `kagami identity add` has it. */
const KNOWN = {
  github: { issuer: 'https://token.actions.githubusercontent.com', claim: 'repository' },
  gitlab: { issuer: 'https://gitlab.com', claim: 'project_path' },
} as const

type System = keyof typeof KNOWN | 'other'

export function RuleDialog({ organization, onClose }: { readonly organization: string; readonly onClose: () => void }) {
  const { text } = useSpeech()
  const tell = useTell()
  const [system, setSystem] = useState<System>('github')
  const [allow, setAllow] = useState<TokenRight[]>(['pull'])
  const [minutes, setMinutes] = useState<string | number>(15)
  const add = useChange(
    (body: Record<string, unknown>) => request('POST', organizationPath(organization, '/identities'), { body }),
    () => {
      tell(text.identity.saved)
      onClose()
    },
  )
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    const form = new FormData(event.currentTarget)
    const ref = givenText(form, 'ref')
    const whose =
      system === 'other'
        ? { issuer: textOf(form, 'issuer'), subject: textOf(form, 'subject') }
        : {
            issuer: KNOWN[system].issuer,
            claims: { [KNOWN[system].claim]: textOf(form, 'project'), ...(ref === undefined ? {} : { ref }) },
          }
    add.mutate({
      kind: 'rule',
      name: textOf(form, 'name'),
      audience: textOf(form, 'audience'),
      ...whose,
      allow,
      repositories: wordsOf(form, 'repositories'),
      minutes: Number(minutes),
    })
  }
  return (
    <Dialog title={text.identity.addRule} size="lg" onClose={onClose}>
      <form onSubmit={submit}>
        <Stack>
          <SimpleGrid cols={{ base: 1, xs: 2 }} verticalSpacing="md">
            <TextInput name="name" label={text.identity.name} required autoComplete="off" data-autofocus />
            <Select
              label={text.identity.system}
              data={Object.entries(text.identity.systems).map(([value, label]) => ({ value, label }))}
              value={system}
              onChange={(chosen) => setSystem((chosen ?? 'github') as System)}
              allowDeselect={false}
            />
          </SimpleGrid>
          {system === 'other' ? <OtherSystem /> : <KnownSystem />}
          <TextInput
            name="audience"
            label={text.identity.audience}
            description={text.identity.audienceHelp}
            defaultValue={location.origin}
            required
            autoComplete="off"
            spellCheck={false}
          />
          <RightsChoice label={text.identity.allow} value={allow} onChange={setAllow} />
          <RepositoriesChoice label={text.identity.repositories} />
          <NumberInput
            label={text.identity.lifetime}
            value={minutes}
            onChange={setMinutes}
            min={1}
            max={60}
            clampBehavior="strict"
            maw={160}
            required
          />
          {add.isError ? <Failure error={add.error} /> : null}
          <DialogButtons
            action={text.identity.add}
            isPending={add.isPending}
            isDisabled={allow.length === 0}
            onCancel={onClose}
          />
        </Stack>
      </form>
    </Dialog>
  )
}

function KnownSystem() {
  const { text } = useSpeech()
  return (
    <SimpleGrid cols={{ base: 1, xs: 2 }} verticalSpacing="md">
      <TextInput
        name="project"
        label={text.identity.project}
        description={text.identity.projectHelp}
        required
        autoComplete="off"
        spellCheck={false}
      />
      <TextInput
        name="ref"
        label={text.identity.ref}
        description={text.identity.refHelp}
        autoComplete="off"
        spellCheck={false}
      />
    </SimpleGrid>
  )
}

function OtherSystem() {
  const { text } = useSpeech()
  return (
    <SimpleGrid cols={{ base: 1, xs: 2 }} verticalSpacing="md">
      <TextInput
        name="issuer"
        label={text.identity.issuer}
        description={text.identity.issuerHelp}
        required
        autoComplete="off"
        spellCheck={false}
      />
      <TextInput
        name="subject"
        label={text.identity.subject}
        description={text.identity.subjectHelp}
        required
        autoComplete="off"
        spellCheck={false}
      />
    </SimpleGrid>
  )
}
