/** What a mirror takes is changed here, seen before by what the next run would do. */
import { Alert, Button, Group, NumberInput, SimpleGrid, Stack, Text, Textarea, TextInput } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import type { MirrorChange } from '../../api/mirror-settings.ts'
import type { Mirror } from '../../api/mirrors.ts'
import { useChange } from '../api/client.ts'
import { changeMirror, useSettingsPlan } from '../api/mirrors.ts'
import { bytes, number } from '../format/sizes.ts'
import { Dialog, DialogButtons } from '../shell/dialog.tsx'
import { Failure } from '../shell/parts.tsx'
import { useTell } from '../shell/tell.ts'
import { useSpeech } from '../text/language.tsx'

const LISTS = ['tags', 'tagsRegex', 'platforms', 'referrers'] as const
const LINES = ['semver', 'newerThan'] as const
type Draft = Record<(typeof LISTS)[number] | (typeof LINES)[number] | 'newest', string>

function draftOf({ selection }: Mirror): Draft {
  const list = (value: readonly string[] | undefined) => value?.join('\n') ?? ''
  return {
    tags: list(selection.tags),
    tagsRegex: list(selection.tagsRegex),
    platforms: list(selection.platforms),
    // None at all is said by a word: nothing typed means no limit.
    referrers: selection.referrers?.length === 0 ? 'none' : list(selection.referrers),
    semver: selection.semver ?? '',
    newerThan: selection.newerThan ?? '',
    newest: selection.newest === undefined ? '' : String(selection.newest),
  }
}

function changeOf(draft: Draft): MirrorChange {
  const listed = LISTS.map((key) => {
    const items = draft[key].split(/\s+/).filter(Boolean)
    if (key === 'referrers' && items.length === 1 && items[0] === 'none') return [key, []]
    return [key, items.length === 0 ? null : items]
  })
  const lines = LINES.map((key) => [key, draft[key].trim() === '' ? null : draft[key].trim()])
  const newest = draft.newest === '' ? null : Number(draft.newest)
  return { selection: { ...Object.fromEntries([...listed, ...lines]), newest } }
}

export function SelectionDialog({ mirror, onClose }: { readonly mirror: Mirror; readonly onClose: () => void }) {
  const { text } = useSpeech()
  const tell = useTell()
  const [draft, setDraft] = useState(() => draftOf(mirror))
  const [seen, setSeen] = useState<MirrorChange>()
  const wanted = changeOf(draft)
  const save = useChange(
    () => changeMirror(mirror.repository, wanted),
    () => {
      tell(text.selection.changed)
      onClose()
    },
  )
  const submit = (event: FormEvent) => {
    event.preventDefault()
    save.mutate(undefined)
  }
  const set = (key: keyof Draft) => (event: { readonly currentTarget: { readonly value: string } }) => {
    const { value } = event.currentTarget
    setDraft((before) => ({ ...before, [key]: value }))
  }
  const isSeen = JSON.stringify(seen) === JSON.stringify(wanted)
  return (
    <Dialog title={text.selection.title(mirror.repository)} size="lg" onClose={onClose}>
      <form onSubmit={submit}>
        <Stack>
          <Text size="sm">{text.selection.lead}</Text>
          <SimpleGrid cols={{ base: 1, sm: 2 }}>
            {LISTS.map((key) => (
              <Textarea
                key={key}
                label={text.selection[key]}
                description={text.selection.help[key]}
                value={draft[key]}
                onChange={set(key)}
                autosize
                minRows={2}
                maxRows={6}
                spellCheck={false}
              />
            ))}
            {LINES.map((key) => (
              <TextInput
                key={key}
                label={text.selection[key]}
                description={text.selection.help[key]}
                value={draft[key]}
                onChange={set(key)}
                spellCheck={false}
              />
            ))}
            <NumberInput
              label={text.selection.newest}
              description={text.selection.help.newest}
              value={draft.newest}
              onChange={(value) => setDraft((before) => ({ ...before, newest: String(value) }))}
              min={1}
              allowDecimal={false}
            />
          </SimpleGrid>
          {seen === undefined || !isSeen ? (
            <Group>
              <Button variant="default" onClick={() => setSeen(wanted)}>
                {text.selection.preview}
              </Button>
            </Group>
          ) : (
            <Preview mirror={mirror} change={seen} />
          )}
          {save.isError ? <Failure error={save.error} /> : null}
          <DialogButtons action={text.common.save} isPending={save.isPending} onCancel={onClose} />
        </Stack>
      </form>
    </Dialog>
  )
}

const SHOWN_TAGS = 12

function Preview({ mirror, change }: { readonly mirror: Mirror; readonly change: MirrorChange }) {
  const { text, language } = useSpeech()
  const plan = useSettingsPlan(mirror.repository, change, true)
  if (plan.isError) return <Failure error={plan.error} />
  const count = (name: string) => number(plan.data?.totals[name] ?? 0, language)
  const images = plan.data?.images ?? []
  const moving = images.flatMap(({ tags }) => tags.filter(({ action }) => action === 'move').map(({ tag }) => tag))
  const more = moving.length - SHOWN_TAGS
  return (
    <Alert color="gray" variant="light" title={text.selection.previewTitle} aria-live="polite">
      {plan.data === undefined ? (
        text.start.planning
      ) : (
        <Stack gap={4}>
          <Text size="sm">
            {text.selection.summary({
              arrive: count('tagsMoved'),
              stay: count('tagsUnchanged'),
              out: count('tagsUnselected'),
              kept: count('tagsRetained'),
              size: bytes(
                images.reduce((sum, image) => sum + image.sizeBytes, 0),
                language,
              ),
            })}
          </Text>
          {moving.length === 0 ? null : (
            <Text size="sm" c="dimmed" style={{ overflowWrap: 'anywhere' }}>
              {moving.slice(0, SHOWN_TAGS).join(', ')} {more > 0 ? text.tags.more(more) : ''}
            </Text>
          )}
        </Stack>
      )}
    </Alert>
  )
}
