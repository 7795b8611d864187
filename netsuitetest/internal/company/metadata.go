package company

import (
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode"
)

// This file is the metadata catalogue: what record types there are for a role, and what fields they have
// (H/chapter_1540810168). All of it follows from the declarations in recordtypes.go and from the tables.

const (
	metadataCatalog = "metadata-catalog"
	metadataPath    = recordPath + metadataCatalog

	linksType   = "application/json"
	openAPIType = "application/swagger+json"
	schemaType  = "application/schema+json"

	ruleMetadata = "the metadata catalogue shows the record types that the role may see, as links, OpenAPI 3.0 or JSON schema (H/section_1540810174)"
)

// serveMetadata answers /metadata-catalog and /metadata-catalog/<type>, in the form that Accept asks for.
func (c *Company) serveMetadata(w http.ResponseWriter, r *http.Request, caller Caller, parts []string) (rule string) {
	if r.Method != http.MethodGet {
		return methodNotAllowed(w, http.MethodGet, ruleMetadata)
	}
	accept, refused := metadataForm(r.Header)
	if refused != nil {
		return refused.write(w)
	}
	role, _ := c.Role(caller.Role)
	c.mu.RLock()
	defer c.mu.RUnlock()
	visible := c.recordTypes(role)
	types, refused := catalogued(r, visible, parts)
	if refused != nil {
		return refused.write(w)
	}
	single := len(parts) == 1
	switch {
	case accept == openAPIType:
		writeJSON(w, http.StatusOK, openAPIType, c.openAPI(types, visible, caller.BaseURL))
	case accept == schemaType && single:
		writeJSON(w, http.StatusOK, schemaType, c.hyperSchema(types[0]))
	case accept == schemaType:
		return (&refusal{
			status: http.StatusBadRequest, code: "INVALID_HEADER", locator: []string{"o:errorHeader", "Accept"},
			detail: "Invalid header value. A JSON schema describes one record type; ask for " + metadataCatalog + "/<type>.",
			rule:   "JSON schema metadata is that of one record type (H/section_1545129726; the refusal is a guess)",
		}).write(w)
	case single:
		writeJSON(w, http.StatusOK, linksType, entryOf(types[0], caller.BaseURL))
	default:
		writeJSON(w, http.StatusOK, linksType, catalogOf(types, caller.BaseURL))
	}
	return ruleMetadata
}

// metadataForm reads Accept: the first form that the catalogue has. Without Accept it shows links.
func metadataForm(h http.Header) (string, *refusal) {
	given := strings.Join(h.Values("Accept"), ",")
	if strings.TrimSpace(given) == "" {
		return linksType, nil
	}
	for part := range strings.SplitSeq(given, ",") {
		media, _, err := mime.ParseMediaType(part)
		switch {
		case err != nil:
		case media == openAPIType || media == schemaType || media == linksType:
			return media, nil
		case media == "*/*" || media == "application/*":
			return linksType, nil
		}
	}
	return "", &refusal{
		status: http.StatusBadRequest, code: "INVALID_HEADER", locator: []string{"o:errorHeader", "Accept"},
		detail: "Invalid header value. The header Accept must be " + linksType + ", " + openAPIType + " or " + schemaType + ".",
		rule:   "metadata comes as application/json, application/swagger+json or application/schema+json (H/section_1540810174; the refusal is a guess)",
	}
}

// catalogued are the types that the request asks for: all, those of select, or the one in the address.
func catalogued(r *http.Request, visible []*recordType, parts []string) ([]*recordType, *refusal) {
	selected, refused := selectedTypes(r.URL.RawQuery)
	if refused != nil {
		return nil, refused
	}
	switch {
	case len(parts) > 1 || len(parts) == 1 && typeNamed(visible, parts[0]) == nil:
		return nil, noRecordType(parts[len(parts)-1])
	case len(parts) == 1:
		return []*recordType{typeNamed(visible, parts[0])}, nil
	case selected == nil:
		return visible, nil
	}
	var types []*recordType
	for _, name := range selected {
		rt := typeNamed(visible, name)
		if rt == nil {
			return nil, invalidSelect("The record type '" + shorten(name) + "' does not exist.")
		}
		if !slices.Contains(types, rt) {
			types = append(types, rt)
		}
	}
	return types, nil
}

// typeNamed finds a type by its name in any letter case, nil if it is not among them.
func typeNamed(types []*recordType, name string) *recordType {
	i := slices.IndexFunc(types, func(rt *recordType) bool { return strings.EqualFold(rt.name, name) })
	if i < 0 {
		return nil
	}
	return types[i]
}

// selectedTypes reads select=customer,salesorder; nil means that it is not given.
func selectedTypes(rawQuery string) ([]string, *refusal) {
	values, err := url.ParseQuery(rawQuery)
	if err != nil {
		return nil, invalidSelect("The query string cannot be read.")
	}
	for name := range values {
		if name != "select" {
			return nil, invalidParameter(name, "Invalid query parameter name '"+shorten(name)+"'. Use select.")
		}
	}
	if !values.Has("select") {
		return nil, nil
	}
	return strings.Split(strings.Join(values["select"], ","), ","), nil
}

func invalidSelect(reason string) *refusal {
	return &refusal{
		status: http.StatusBadRequest, code: "INVALID_PARAMETER", locator: []string{"o:errorQueryParam", "select"},
		detail: "Invalid value of query parameter 'select'. " + reason, rule: ruleMetadata,
	}
}

// Links

// metadataLink is a link that says in which form its target comes.
type metadataLink struct {
	Rel       string `json:"rel"`
	Href      string `json:"href"`
	MediaType string `json:"mediaType,omitempty"`
}

type catalogEntry struct {
	Name  string         `json:"name"`
	Links []metadataLink `json:"links"`
}

// catalogName is a type's name in the catalogue: lists of live accounts and Oracle's samples (salesorder) are in
// lower case. Addresses take either.
func (rt *recordType) catalogName() string { return strings.ToLower(rt.name) }

func entryOf(rt *recordType, base string) catalogEntry {
	metadata := base + metadataPath + "/" + rt.catalogName()
	return catalogEntry{rt.catalogName(), []metadataLink{
		{"canonical", metadata, linksType},
		{"describes", base + recordPath + rt.catalogName(), ""},
		{"alternate", metadata, openAPIType},
		{"alternate", metadata, schemaType},
	}}
}

func catalogOf(types []*recordType, base string) map[string]any {
	items := make([]catalogEntry, len(types))
	for i, rt := range types {
		items[i] = entryOf(rt, base)
	}
	return map[string]any{
		"items": items,
		"links": []metadataLink{
			{"self", base + metadataPath, linksType}, {"alternate", base + metadataPath, openAPIType},
		},
	}
}

// JSON schema

// schema is a JSON schema, or a part of one.
type schema map[string]any

// hyperSchema is the JSON schema of a type as a document of its own (H/section_1545129726).
func (c *Company) hyperSchema(rt *recordType) schema {
	s := c.schemaOf(rt)
	s["$schema"] = "https://json-schema.org/draft-06/hyper-schema#"
	return s
}

// schemaOf describes the fields of a type. The caller holds mu.
func (c *Company) schemaOf(rt *recordType) schema {
	properties := schema{
		"id":    schema{"title": "Internal ID", "type": "string", "readOnly": true},
		"links": linksSchema,
	}
	filterable := []string{"id"}
	var required []string
	for _, f := range rt.fields {
		column, _ := c.tables[rt.table].column(f.column)
		properties[f.name] = f.schema(column)
		filterable = append(filterable, f.name)
		if f.required {
			required = append(required, f.name)
		}
	}
	if rt.sublist != nil {
		properties[rt.sublist.name] = c.sublistSchema(rt.sublist)
	}
	slices.Sort(filterable)
	s := schema{"type": "object", "properties": properties, "x-ns-filterable": filterable}
	if required != nil {
		s["required"] = required
	}
	return s
}

func (c *Company) sublistSchema(lt *sublist) schema {
	line := schema{"links": linksSchema}
	for _, f := range lt.fields {
		column, _ := c.tables[lt.table].column(f.column)
		line[f.name] = f.schema(column)
	}
	return schema{"title": titleOf(lt.name), "type": "object", "properties": schema{
		"links": linksSchema, "totalResults": schema{"type": "integer", "readOnly": true},
		"items": schema{"type": "array", "items": schema{"type": "object", "properties": line}},
	}}
}

var linksSchema = schema{"title": "Links", "type": "array", "readOnly": true, "items": schema{"type": "object", "properties": schema{
	"rel": schema{"type": "string"}, "href": schema{"type": "string"},
}}}

// schema describes a field by what its column holds.
func (f field) schema(c column) schema {
	s := valueSchema(f, c)
	s["title"] = titleOf(f.name)
	if !f.required {
		s["nullable"] = true
	}
	if f.fixed {
		s["readOnly"] = true
	}
	if strings.HasPrefix(f.name, customFieldPrefix) {
		s["x-ns-custom-field"] = true
	}
	return s
}

func valueSchema(f field, c column) schema {
	switch {
	case c.ref != nil && c.ref.words != nil:
		return schema{"type": "object", "properties": schema{
			"id":      schema{"type": "string", "enum": f.codes},
			"refName": schema{"type": "string", "readOnly": true},
		}}
	case c.ref != nil:
		return schema{"type": "object", "properties": schema{
			"id": schema{"type": "string"}, "refName": schema{"type": "string", "readOnly": true}, "links": linksSchema,
		}}
	case c.kind == boolean:
		return schema{"type": "boolean"}
	case c.kind == number:
		return schema{"type": "number", "format": "double"}
	case c.kind == date && f.moment:
		return schema{"type": "string", "format": "date-time"}
	case c.kind == date:
		return schema{"type": "string", "format": "date"}
	}
	return schema{"type": "string"}
}

// titleOf is a field's label: "companyName" is shown as "Company Name".
func titleOf(name string) string {
	var out strings.Builder
	for i, r := range name {
		switch {
		case i == 0:
			r = unicode.ToUpper(r)
		case unicode.IsUpper(r):
			out.WriteByte(' ')
		}
		out.WriteRune(r)
	}
	return out.String()
}

// OpenAPI

// openAPI describes types with their addresses and methods (H/section_1545126526), and what visible types a
// transform can make of them. The caller holds mu.
func (c *Company) openAPI(types, visible []*recordType, base string) schema {
	paths, schemas := schema{}, schema{"nsError": errorSchema}
	for _, rt := range types {
		name := rt.catalogName()
		schemas[name], schemas[name+"Collection"] = c.schemaOf(rt), collectionSchema(name)
		maps.Copy(paths, c.pathsOf(rt))
		for _, t := range rt.transformsOf() {
			if target := typeNamed(visible, t.to); target != nil {
				schemas[target.catalogName()] = c.schemaOf(target)
				paths["/"+name+"/{id}/!transform/"+t.to] = c.methodsAt(target, recordCall{recordType: rt, becomes: &t}, idParameter)
			}
		}
	}
	return schema{
		"openapi": "3.0.1", "info": schema{"title": "NetSuite REST record service", "version": "v1"},
		"servers": []schema{{"url": base + strings.TrimSuffix(recordPath, "/")}},
		"paths":   paths, "components": schema{"schemas": schemas},
	}
}

var errorSchema = schema{"type": "object", "properties": schema{
	"type": schema{"type": "string"}, "title": schema{"type": "string"}, "status": schema{"type": "integer"},
	"o:errorDetails": schema{"type": "array", "items": schema{"type": "object", "properties": schema{
		"detail": schema{"type": "string"}, "o:errorCode": schema{"type": "string"}, "o:errorPath": schema{"type": "string"},
		"o:urlPath": schema{"type": "string"}, "o:errorHeader": schema{"type": "string"}, "o:errorQueryParam": schema{"type": "string"},
	}}},
}}

func collectionSchema(name string) schema {
	return schema{"type": "object", "properties": schema{
		"links": linksSchema, "count": schema{"type": "integer"}, "hasMore": schema{"type": "boolean"}, "offset": schema{"type": "integer"},
		"totalResults": schema{"type": "integer"}, "items": schema{"type": "array", "items": schemaRef(name)},
	}}
}

func schemaRef(name string) schema { return schema{"$ref": "#/components/schemas/" + name} }

// pathsOf are the addresses of a type, each with the methods that the record service has there.
func (c *Company) pathsOf(rt *recordType) schema {
	name := rt.catalogName()
	paths := schema{
		"/" + name:           c.methodsAt(rt, recordCall{recordType: rt}),
		"/" + name + "/{id}": c.methodsAt(rt, recordCall{recordType: rt, id: "1"}, idParameter),
	}
	if _, ok := rt.field("externalId"); ok {
		paths["/"+name+"/eid:{externalId}"] = c.methodsAt(rt, recordCall{recordType: rt, id: externalPrefix}, externalIDParameter)
	}
	if rt.sublist != nil {
		paths["/"+name+"/{id}/"+rt.sublist.name] = c.methodsAt(rt, recordCall{recordType: rt, id: "1", lines: true}, idParameter)
	}
	return paths
}

var (
	idParameter         = schema{"name": "id", "in": "path", "required": true, "schema": schema{"type": "string"}}
	externalIDParameter = schema{"name": "externalId", "in": "path", "required": true, "schema": schema{"type": "string"}}
	listParameters      = []schema{
		{"name": "q", "in": "query", "description": "Filter of the list", "schema": schema{"type": "string"}},
		{"name": "limit", "in": "query", "schema": schema{"type": "integer"}},
		{"name": "offset", "in": "query", "schema": schema{"type": "integer"}},
	}
	readParameters = []schema{
		{"name": "fields", "in": "query", "schema": schema{"type": "string"}},
		{"name": "expandSubResources", "in": "query", "schema": schema{"type": "boolean"}},
	}
)

// methodsAt describes the methods at an address; written is the type of the bodies.
func (c *Company) methodsAt(written *recordType, call recordCall, parameters ...schema) schema {
	methods := schema{}
	for method := range c.operations(call) {
		o := schema{"tags": []string{call.catalogName()}, "parameters": parameters, "responses": responsesOf(method, call)}
		switch {
		case method == http.MethodGet && call.id == "":
			o["parameters"] = listParameters
		case method == http.MethodGet && !call.lines:
			o["parameters"] = slices.Concat(parameters, readParameters)
		}
		if method == http.MethodPost || method == http.MethodPatch || method == http.MethodPut {
			o["requestBody"] = schema{"content": schema{linksType: schema{"schema": schemaRef(written.catalogName())}}}
		}
		methods[strings.ToLower(method)] = o
	}
	return methods
}

func responsesOf(method string, call recordCall) schema {
	failed := schema{"description": "Error response.", "content": schema{linksType: schema{"schema": schemaRef("nsError")}}}
	if method != http.MethodGet {
		return schema{"204": schema{"description": "Done."}, "default": failed}
	}
	form, name := "application/vnd.oracle.resource+json; type=singular", call.catalogName()
	if call.id == "" {
		form, name = "application/vnd.oracle.resource+json; type=collection", name+"Collection"
	}
	content := schema{"schema": schemaRef(name)}
	if call.lines {
		content = schema{"schema": schema{"$ref": "#/components/schemas/" + name + "/properties/" + call.sublist.name}}
	}
	return schema{"200": schema{"description": "Get record", "content": schema{form: content}}, "default": failed}
}
