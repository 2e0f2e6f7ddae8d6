/** Where the names of a catalog come from, and what describes them. */
import { Radio, Stack, Text, Textarea, TextInput } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import { type Catalog, changeCatalog } from '../api/catalog.ts'
import { useChange } from '../api/client.ts'
import { Dialog, DialogButtons } from '../shell/dialog.tsx'
import { Failure } from '../shell/parts.tsx'
import { useSpeech } from '../text/language.tsx'

type Source = 'registry' | 'given'

export function SettingsDialog(o: { readonly catalog: Catalog; readonly onClose: () => void }) {
  const { text } = useSpeech()
  const { upstream, state, entries } = o.catalog
  const words = text.catalog.settings
  const before = { isGiven: state?.given != null, url: state?.definitions?.url ?? '' }
  const [source, setSource] = useState<Source>(before.isGiven ? 'given' : 'registry')
  const [list, setList] = useState(before.isGiven ? entries.map(({ repository }) => repository).join('\n') : '')
  const [url, setUrl] = useState(before.url)
  const names = list.split(/[\s,]+/).filter(Boolean)
  const save = useChange(() =>
    changeCatalog(state?.organization ?? undefined, upstream, {
      names: source === 'given' ? names : null,
      ...(url.trim() === before.url ? {} : { definitions: url.trim() === '' ? null : url.trim() }),
    }),
  )
  const submit = (event: FormEvent) => {
    event.preventDefault()
    save.mutate(undefined, { onSuccess: o.onClose })
  }
  return (
    <Dialog title={words.title(upstream)} size="lg" onClose={o.onClose}>
      <form onSubmit={submit}>
        <Stack>
          <Radio.Group label={words.names} value={source} onChange={(chosen) => setSource(chosen as Source)}>
            <Stack gap={6} mt={6}>
              <Radio value="registry" label={words.registry} />
              <Radio value="given" label={words.given} />
            </Stack>
          </Radio.Group>
          {source === 'given' ? (
            <Textarea
              label={words.list}
              description={words.listHelp}
              value={list}
              onChange={(event) => setList(event.currentTarget.value)}
              autosize
              minRows={3}
              maxRows={12}
              spellCheck={false}
              required
            />
          ) : null}
          {state?.definitions?.from === 'server' || state?.definitions?.from === 'sample' ? (
            <Text size="sm" c="dimmed">
              {words.ofServer}
            </Text>
          ) : (
            <TextInput
              label={words.definitions}
              description={words.definitionsHelp}
              type="url"
              value={url}
              onChange={(event) => setUrl(event.currentTarget.value)}
              spellCheck={false}
            />
          )}
          {save.isError ? <Failure error={save.error} /> : null}
          <DialogButtons action={words.save} isPending={save.isPending} onCancel={o.onClose} />
        </Stack>
      </form>
    </Dialog>
  )
}
