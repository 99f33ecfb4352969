package model

import "github.com/99designs/gqlgen/graphql"

// MarshalUpload writes nothing that a client could read: a file is input only.
func MarshalUpload(f graphql.Upload) graphql.Marshaler { return graphql.MarshalUpload(f) }

// UnmarshalUpload reads a file of a multipart request.
func UnmarshalUpload(v any) (graphql.Upload, error) {
	f, ok := v.(graphql.Upload)
	if !ok {
		return graphql.Upload{}, scalarErrorf("a file must be a part of a multipart request, which its map names (GraphQL multipart request specification)")
	}
	return f, nil
}
