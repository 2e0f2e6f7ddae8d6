import type { Text } from '../en/index.ts'

export const deletion: Text['deletion'] = {
  title: (count) => `${count} 件のタグを削除しますか？`,
  submit: (count) => `${count} 件のタグを削除`,
  done: (count) => `${count} 件のタグを削除しました。`,
  frees: (size) => `このうち ${size} は、このリポジトリのほかのどこからも使われていません。`,
  held: (tag, others, more) =>
    more === '0'
      ? `${tag}: ${others} も同じ内容を指しているため、内容は残ります。`
      : `${tag}: ${others} ほか ${more} 件も同じ内容を指しているため、内容は残ります。`,
  freesNothing: '空く容量はありません。内容はすべて、このリポジトリのほかのところでも使われています。',
  kept: (until) => `${until}までは、履歴から元に戻せます。`,
  mirror: 'ミラーに戻すまで、ミラーがこれらのタグを再びコピーすることはありません。',
  refused: (tag, why) => `${tag} は残ります: ${why}`,
}
