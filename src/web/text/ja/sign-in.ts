import type { Text } from '../en/index.ts'

export const signIn: Text['signIn'] = {
  title: 'Kagami にサインイン',
  lead: '組織のビルドを支えるイメージを、自社のレジストリにミラーします。',
  username: 'ユーザー名またはメールアドレス',
  password: 'パスワード',
  code: '認証アプリのコード、またはリカバリーコード',
  submit: 'サインイン',
  wrong: 'ユーザー名またはパスワードが正しくありません。',
  wrongCode: 'コードが正しくないか、すでに使用されています。',
  or: 'または',
  by: (provider) => `${provider} でサインイン`,
  ownProvider: '組織独自のシングルサインオンを使う場合は、オーナーから受け取ったサインインリンクを開いてください。',
  another: '別のアカウントを使う',
  codeLead: (username) => `${username} には 2 要素認証が設定されています。`,
}
