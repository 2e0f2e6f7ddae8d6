import type { Text } from '../en/index.ts'

export const immutable: Text['immutable'] = {
  title: '変更不可のタグ',
  lead: '一度作られたら、誰も移動や削除ができないタグです。ミラーもそのままにします。',
  modes: {
    none: 'どのタグも変更できる',
    all: 'すべてのタグを変更不可にする',
    patterns: 'パターンに一致するタグを変更不可にする',
  },
  patterns: 'パターン',
  patternsHelp: 'タグ全体に対する RE2 の正規表現。v[0-9.]+ のように、1 行に 1 つ書きます。',
}
