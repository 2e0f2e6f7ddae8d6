/** Makes a webhook, and shows its secret this once. */
import { Alert, Button, Checkbox, Group, Select, Stack, Text, TextInput } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import type { Webhook } from '../../api/webhooks.ts'
import { useChange } from '../api/client.ts'
import { repositoryPath } from '../api/paths.ts'
import { request } from '../api/request.ts'
import { Dialog, DialogButtons } from '../shell/dialog.tsx'
import { Command, Failure } from '../shell/parts.tsx'
import { useSpeech } from '../text/language.tsx'

export function CreateDialog({ repository, onClose }: { readonly repository: string; readonly onClose: () => void }) {
  const { text } = useSpeech()
  const [format, setFormat] = useState<string>('hub')
  const create = useChange((body: Record<string, unknown>) =>
    request<{ webhook: Webhook; secret: string }>('POST', `/repositories/${repositoryPath(repository)}/webhooks`, {
      body,
    }),
  )
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    const form = new FormData(event.currentTarget)
    const field = (name: string) => String(form.get(name) ?? '')
    create.mutate({
      name: field('name'),
      url: field('url'),
      tags: field('tags').split(/\s+/).filter(Boolean),
      format,
      plainHttp: form.get('plainHttp') !== null,
    })
  }
  return (
    <Dialog title={text.webhooks.create} size="lg" onClose={onClose}>
      {create.data === undefined ? (
        <form onSubmit={submit}>
          <Stack>
            <TextInput name="name" label={text.webhooks.name} required data-autofocus />
            <TextInput name="url" type="url" label={text.webhooks.url} description={text.webhooks.urlHelp} required />
            <TextInput name="tags" label={text.webhooks.tags} description={text.webhooks.tagsHelp} />
            <Select
              label={text.webhooks.format}
              data={Object.entries(text.webhooks.formats).map(([value, label]) => ({ value, label }))}
              value={format}
              onChange={(chosen) => setFormat(chosen ?? 'hub')}
              allowDeselect={false}
            />
            <Checkbox name="plainHttp" label={text.webhooks.plainHttp} />
            {create.isError ? <Failure error={create.error} /> : null}
            <DialogButtons action={text.webhooks.create} isPending={create.isPending} onCancel={onClose} />
          </Stack>
        </form>
      ) : (
        <Stack>
          <Alert color="teal" variant="light" title={text.webhooks.secretTitle}>
            <Stack gap="xs">
              <Text size="sm">{text.webhooks.secretLead}</Text>
              <Command line={create.data.secret} />
            </Stack>
          </Alert>
          <Group justify="flex-end">
            <Button onClick={onClose}>{text.common.close}</Button>
          </Group>
        </Stack>
      )}
    </Dialog>
  )
}
