/** Every tag, where it points, and what hangs on it. */
import { Anchor, Button, Group, Table, Text, TextInput, useMatches } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { useCallback, useMemo, useState } from 'react'
import type { Mirror } from '../../api/mirrors.ts'
import { useAllowed } from '../api/repositories.ts'
import { useTags } from '../api/tags.ts'
import { number } from '../format/sizes.ts'
import { useRepositorySearch } from '../repositories/use-repository-search.ts'
import { LongTable } from '../shell/long-table.tsx'
import { MayNot } from '../shell/may-not.tsx'
import { Empty, Failure, Rows } from '../shell/parts.tsx'
import { SortHead } from '../shell/sort-head.tsx'
import { useSpeech } from '../text/language.tsx'
import { AttestedChoice, isShown } from './attested-choice.tsx'
import { DeleteTagsDialog } from './delete-tags-dialog.tsx'
import { HistoryDialog } from './history-dialog.tsx'
import { formatOrder, type Order, parseOrder, pulledAt, type Sort, sorted } from './sort-tags.ts'
import { TagRow } from './tag-row.tsx'

/** As many as the API deletes at once. */
const MAX_DELETED = 100
/** Its name, size and time; the rest is on the page of the image. */
const PHONE_PX = 320

export function TagsTab({ name, mirror }: { readonly name: string; readonly mirror: Mirror | undefined }) {
  const { text, language } = useSpeech()
  const [search, change] = useRepositorySearch()
  const allowed = useAllowed(name)
  const tags = useTags(name)
  const isPhone = useMatches({ base: true, sm: false }, { getInitialValueInEffect: false })
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set())
  const [isDeleting, deleting] = useDisclosure()
  const { q = '', of, attested } = search
  const order = useMemo(() => parseOrder(search.sort), [search.sort])
  const inOrder = useMemo(() => sorted(tags.data?.items ?? [], order), [tags.data, order])
  const found = useMemo(
    () => inOrder.filter((tag) => tag.name.includes(q) || tag.digest.startsWith(q)).filter(isShown(attested)),
    [inOrder, q, attested],
  )
  const toggle = useCallback((tag: string) => {
    setChosen((before) => {
      const next = new Set(before)
      if (!next.delete(tag)) next.add(tag)
      return next
    })
  }, [])
  const openHistory = useCallback((tag: string) => change({ of: tag }), [change])
  if (tags.isError) return <Failure error={tags.error} retry={() => void tags.refetch()} />
  if (tags.data === undefined) return <Rows />
  const mayDelete = allowed.has('tag.delete')
  const hasPulls = inOrder.some((tag) => pulledAt(tag) !== undefined)
  const { columns } = text.tags
  const head = (by: Sort, isNumber: boolean, isMinor = false) => (
    <SortHead
      label={columns[by]}
      isNumber={isNumber}
      isMinor={isMinor}
      isDown={order.by === by ? order.isDown : undefined}
      onSort={() => change({ sort: formatOrder(nextOrder(order, by)) }, { isSmall: true })}
    />
  )
  return (
    <>
      <Group mb="sm" justify="space-between">
        <Group gap="sm">
          <TextInput
            type="search"
            aria-label={text.tags.find}
            placeholder={text.tags.find}
            value={q}
            onChange={(event) => change({ q: event.currentTarget.value }, { isSmall: true })}
            w={{ base: '100%', xs: 320 }}
          />
          <AttestedChoice value={attested} onChoose={(wanted) => change({ attested: wanted })} />
        </Group>
        <Group gap="sm">
          <Text size="sm" c="dimmed" role="status">
            {q === '' && attested === undefined
              ? text.tags.count(number(inOrder.length, language))
              : text.catalog.count(number(found.length, language), number(inOrder.length, language))}
          </Text>
          {chosen.size === 0 ? null : (
            <>
              <Button size="xs" variant="default" onClick={() => setChosen(new Set())}>
                {text.tags.chooseNone}
              </Button>
              <Button size="xs" color="red" disabled={chosen.size > MAX_DELETED} onClick={deleting.open}>
                {text.tags.deleteChosen(number(chosen.size, language))}
              </Button>
            </>
          )}
        </Group>
      </Group>
      {chosen.size > MAX_DELETED ? <MayNot>{text.tags.tooMany(String(MAX_DELETED))}</MayNot> : null}
      {tags.data.isWhole ? null : (
        <Text size="sm">{text.common.incomplete(number(tags.data.items.length, language))}</Text>
      )}
      {found.length === 0 ? (
        <NoTags hasAny={inOrder.length > 0} wanted={q} mirror={attested === undefined ? mirror : undefined} />
      ) : (
        <LongTable
          items={found}
          keyOf={(tag) => tag.name}
          phonePx={PHONE_PX}
          head={
            <>
              {mayDelete ? <Table.Th w={28} aria-label={text.tags.choose} /> : null}
              {head('name', false)}
              <Table.Th visibleFrom="sm">{columns.digest}</Table.Th>
              <Table.Th visibleFrom="sm">{columns.platforms}</Table.Th>
              {head('attestations', false, true)}
              {head('size', true)}
              {head('moved', true)}
              {hasPulls ? head('pulled', true, true) : null}
              {allowed.has('history') ? <Table.Th visibleFrom="sm" /> : null}
            </>
          }
          row={(tag) => (
            <TagRow
              repository={name}
              tag={tag}
              isChosen={chosen.has(tag.name)}
              onChoose={mayDelete ? toggle : undefined}
              hasPulls={hasPulls}
              isPhone={isPhone}
              onHistory={allowed.has('history') ? openHistory : undefined}
            />
          )}
        />
      )}
      {allowed.size > 0 && !mayDelete && inOrder.length > 0 ? <MayNot>{text.tags.mayNotDelete}</MayNot> : null}
      {isDeleting ? (
        <DeleteTagsDialog
          repository={name}
          tags={[...chosen]}
          onClose={deleting.close}
          onDone={() => setChosen(new Set())}
        />
      ) : null}
      {of === undefined || !allowed.has('history') ? null : (
        <HistoryDialog
          repository={name}
          tag={of}
          current={inOrder.find((tag) => tag.name === of)}
          mayRestore={mayDelete}
          onClose={() => change({ of: undefined })}
        />
      )}
    </>
  )
}

function nextOrder(order: Order, by: Sort): Order {
  if (order.by === by) return { by, isDown: !order.isDown }
  // The largest, the newest, is what one looks for.
  return { by, isDown: by !== 'name' }
}

/** Nothing is here: what would bring something, or why not. */
function NoTags(o: { readonly hasAny: boolean; readonly wanted: string; readonly mirror: Mirror | undefined }) {
  const { text } = useSpeech()
  const [, change] = useRepositorySearch()
  if (!o.hasAny) return <Empty>{o.mirror === undefined ? text.tags.emptyPush : text.tags.emptyMirror}</Empty>
  return (
    <Empty>
      {text.tags.noMatch}{' '}
      {o.mirror === undefined ? null : (
        <Anchor
          component="button"
          onClick={() => change({ tab: 'mirror', explain: o.wanted, q: undefined, sort: undefined })}
        >
          {text.tags.askWhy(o.wanted)}
        </Anchor>
      )}
    </Empty>
  )
}
