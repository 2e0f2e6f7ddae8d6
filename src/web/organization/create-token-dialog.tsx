/** Makes a token of the organization, and shows it this once with the line that signs in by it. */
import { Button, Group, Select, Stack, Text, TextInput } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import { useChange } from '../api/client.ts'
import { organizationPath } from '../api/paths.ts'
import { request } from '../api/request.ts'
import { Dialog, DialogButtons } from '../shell/dialog.tsx'
import { Once } from '../shell/once.tsx'
import { Command, Failure } from '../shell/parts.tsx'
import { useSpeech } from '../text/language.tsx'
import { textOf, wordsOf } from './form-text.ts'
import { RepositoriesChoice, RightsChoice, type TokenRight } from './rights-choice.tsx'

export function CreateTokenDialog(o: { readonly organization: string; readonly onClose: () => void }) {
  const { text } = useSpeech()
  const [allow, setAllow] = useState<TokenRight[]>(['pull'])
  const [expires, setExpires] = useState('90d')
  const create = useChange((body: Record<string, unknown>) =>
    request<{ token: string; username: string }>('POST', organizationPath(o.organization, '/tokens'), { body }),
  )
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    const form = new FormData(event.currentTarget)
    create.mutate({ label: textOf(form, 'label'), allow, repositories: wordsOf(form, 'repositories'), expires })
  }
  return (
    <Dialog title={text.organizationTokens.create} size="lg" onClose={o.onClose}>
      {create.data === undefined ? (
        <form onSubmit={submit}>
          <Stack>
            <TextInput
              name="label"
              label={text.organizationTokens.label}
              maxLength={100}
              required
              autoComplete="off"
              data-autofocus
            />
            <RightsChoice label={text.organizationTokens.allow} value={allow} onChange={setAllow} />
            <RepositoriesChoice label={text.organizationTokens.repositories} />
            <Select
              label={text.organizationTokens.expires}
              data={Object.entries(text.organizationTokens.lengths).map(([value, label]) => ({ value, label }))}
              value={expires}
              onChange={(chosen) => setExpires(chosen ?? '90d')}
              allowDeselect={false}
            />
            {create.isError ? <Failure error={create.error} /> : null}
            <DialogButtons
              action={text.organizationTokens.create}
              isPending={create.isPending}
              isDisabled={allow.length === 0}
              onCancel={o.onClose}
            />
          </Stack>
        </form>
      ) : (
        <Stack>
          <Once title={text.organizationTokens.once} lead={text.organizationTokens.onceLead} secret={create.data.token}>
            <Text size="sm">{text.organizationTokens.login}</Text>
            <Command line={`docker login ${location.host} --username ${create.data.username} --password-stdin`} />
          </Once>
          <Group justify="flex-end">
            <Button onClick={o.onClose}>{text.common.close}</Button>
          </Group>
        </Stack>
      )}
    </Dialog>
  )
}
