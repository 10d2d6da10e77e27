package mapping_test

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"ingestion/producer/mapping"
	"ingestion/record"
)

// exports have the header of each kind of export and a row, and the fields that come
// from it. A record of them must be valid.
var exports = []struct {
	preset, what string
	given        map[string]string
	file         string
	want         []string // customerId, name, email, createdAt
}{
	{
		preset: "shopify", what: "customers", given: fields("createdAt", "'2024-01-31'"),
		file: "Customer ID,First Name,Last Name,Email,Accepts Email Marketing,Default Address Company,Default Address Address1,Default Address Address2,Default Address City,Default Address Province Code,Default Address Country Code,Default Address Zip,Default Address Phone,Phone,Accepts SMS Marketing,Total Spent,Total Orders,Note,Tax Exempt,Tags\n" +
			"'7210448301122,Ada,Lovelace,ada@example.com,no,,1 St James's Square,,London,,GB,SW1Y 4LB,,'+442079460000,no,7790.44,6,,no,\"retail, vip\"",
		want: []string{"7210448301122", "Ada Lovelace", "ada@example.com", "2024-01-31"},
	},
	{
		preset: "shopify", what: "customers of before there were IDs", given: fields("createdAt", "'2024-01-31'"),
		file: "First Name,Last Name,Email,Company,Address1,Address2,City,Province,Province Code,Country,Country Code,Zip,Phone,Accepts Marketing,Total Spent,Total Orders,Tags,Note,Tax Exempt\n" +
			"Ada,Lovelace,ada@example.com,,1 St James's Square,,London,,,United Kingdom,GB,SW1Y 4LB,,no,100,1,,,no",
		want: []string{"ada@example.com", "Ada Lovelace", "ada@example.com", "2024-01-31"},
	},
	{
		preset: "hubspot", what: "contacts by name",
		file: "Record ID,First Name,Last Name,Email,Phone Number,Lead Status,Create Date,Associated Company,Country/Region,Contact owner\n" +
			"101,Ada,Lovelace,ada@example.com,+44 20 7946 0000,NEW,2024-03-12 09:14,Analytical Engines,United Kingdom,",
		want: []string{"101", "Ada Lovelace", "ada@example.com", "2024-03-12 09:14"},
	},
	{
		preset: "hubspot", what: "contacts by internal name",
		file: "hs_object_id,firstname,lastname,email,createdate,lifecyclestage\n101,Ada,,ada@example.com,2024-03-12 09:14,lead",
		want: []string{"101", "Ada", "ada@example.com", "2024-03-12 09:14"},
	},
	{
		preset: "salesforce", what: "Data Loader",
		file: "\"ID\",\"FIRSTNAME\",\"LASTNAME\",\"EMAIL\",\"CREATEDDATE\"\n\"0035e00000AbCdEAAV\",\"Ada\",\"Lovelace\",\"ada@example.com\",\"2024-01-31T12:30:00.000Z\"",
		want: []string{"0035e00000AbCdEAAV", "Ada Lovelace", "ada@example.com", "2024-01-31T12:30:00.000Z"},
	},
	{
		preset: "salesforce", what: "Data Export",
		file: "\"Id\",\"IsDeleted\",\"AccountId\",\"LastName\",\"FirstName\",\"Salutation\",\"Name\",\"Email\",\"CreatedDate\",\"CreatedById\"\n\"0035e00000AbCdEAAV\",\"0\",\"0015e00000XyZ\",\"Lovelace\",\"Ada\",\"Dr.\",\"Ada Lovelace\",\"ada@example.com\",\"2024-01-31T12:30:00.000+0000\",\"005\"",
		want: []string{"0035e00000AbCdEAAV", "Ada Lovelace", "ada@example.com", "2024-01-31T12:30:00.000+0000"},
	},
	{
		preset: "salesforce", what: "a report",
		file: "Contact ID,First Name,Last Name,Account Name,Email,Created Date\n0035e00000AbCdE,Ada,Lovelace,Analytical Engines,ada@example.com,2024-01-31",
		want: []string{"0035e00000AbCdE", "Ada Lovelace", "ada@example.com", "2024-01-31"},
	},
	{
		preset: "mailchimp", what: "an audience",
		file: "\"Email Address\",\"First Name\",\"Last Name\",EMAIL_TYPE,MEMBER_RATING,OPTIN_TIME,OPTIN_IP,CONFIRM_TIME,CONFIRM_IP,LATITUDE,LONGITUDE,GMTOFF,DSTOFF,TIMEZONE,CC,REGION,LAST_CHANGED,LEID,EUID,NOTES,TAGS\n" +
			"ada@example.com,Ada,Lovelace,html,2,,,\"2024-01-31 12:30:00\",,,,,,,,,\"2024-02-01 00:00:00\",44877845,c2cb0d4e5f,,\"\"\"vip\"\"\"",
		want: []string{"44877845", "Ada Lovelace", "ada@example.com", "2024-01-31 12:30:00"},
	},
	{
		preset: "mailchimp", what: "an audience with one field for names",
		file: "\"Email Address\",Name,\"ZIP code\",MEMBER_RATING,OPTIN_TIME,OPTIN_IP,CONFIRM_TIME,CONFIRM_IP,LATITUDE,LONGITUDE,GMTOFF,DSTOFF,TIMEZONE,CC,REGION,LAST_CHANGED,LEID,EUID,NOTES\n" +
			"ada@example.com,\"Ada Lovelace\",,2,,,\"2024-01-31 12:30:00\",,,,,,,,,\"2024-02-01 00:00:00\",44877845,c2cb0d4e5f,",
		want: []string{"44877845", "Ada Lovelace", "ada@example.com", "2024-01-31 12:30:00"},
	},
	{
		preset: "stripe", what: "customers",
		file: "id,Description,Email,Name,Created (UTC),Delinquent,Card ID,Card Last4,Currency,Total Spend,Payment Count\n" +
			"cus_JeGmWqYRVUNu44,,ada@example.com,Ada Lovelace,2024-01-31 12:30,false,,,gbp,120.00,2",
		want: []string{"cus_JeGmWqYRVUNu44", "Ada Lovelace", "ada@example.com", "2024-01-31 12:30"},
	},
	{
		preset: "stripe", what: "customers of an older account",
		file: "id,Description,Email,Created (UTC),Delinquent\ncus_JeGmWqYRVUNu44,Ada Lovelace,ada@example.com,2024-01-31 12:30,false",
		want: []string{"cus_JeGmWqYRVUNu44", "Ada Lovelace", "ada@example.com", "2024-01-31 12:30"},
	},
	{
		preset: "woocommerce", what: "the customers report",
		file: "Name,Username,\"Last Active\",\"Sign Up\",Email,Orders,\"Total Spend\",AOV,\"Country / Region\",City,Region,\"Postal Code\"\n" +
			"\"Ada Lovelace\",ada,\"2024-03-01 10:00:00\",\"2024-01-31 12:30:00\",ada@example.com,3,120,40,GB,London,,\"SW1Y 4LB\"",
		want: []string{"ada@example.com", "Ada Lovelace", "ada@example.com", "2024-01-31 12:30:00"},
	},
	{
		preset: "woocommerce", what: "users",
		file: "ID,customer_id,user_login,user_pass,user_nicename,user_email,user_url,user_registered,display_name,first_name,last_name,user_status,roles,billing_first_name,billing_email\n" +
			"7,7,ada,x,ada,ada@example.com,,2024-01-31 12:30:00,adal,Ada,Lovelace,0,customer,Ada,billing@example.com",
		want: []string{"7", "Ada Lovelace", "ada@example.com", "2024-01-31 12:30:00"},
	},
	{
		preset: "google-contacts", what: "Google CSV", given: fields("createdAt", "'2024-01-31'"),
		file: "First Name,Middle Name,Last Name,Phonetic First Name,Phonetic Middle Name,Phonetic Last Name,Name Prefix,Name Suffix,Nickname,File As,Organization Name,Organization Title,Organization Department,Birthday,Notes,Photo,Labels,E-mail 1 - Label,E-mail 1 - Value,Phone 1 - Label,Phone 1 - Value\n" +
			"Ada,,Lovelace,,,,,,,,,,,,,,* myContacts,* Work,ada@example.com,Mobile,+44 20 7946 0000",
		want: []string{"ada@example.com", "Ada Lovelace", "ada@example.com", "2024-01-31"},
	},
	{
		preset: "google-contacts", what: "an older Google CSV", given: fields("createdAt", "'2024-01-31'"),
		file: "Name,Given Name,Additional Name,Family Name,Yomi Name,Given Name Yomi,Birthday,Notes,Group Membership,E-mail 1 - Type,E-mail 1 - Value\n" +
			"Ada King Lovelace,Ada,King,Lovelace,,,,,* myContacts,* Work,ada@example.com",
		want: []string{"ada@example.com", "Ada King Lovelace", "ada@example.com", "2024-01-31"},
	},
	{
		preset: "google-contacts", what: "Outlook CSV", given: fields("createdAt", "'2024-01-31'"),
		file: "First Name,Middle Name,Last Name,Title,Suffix,Initials,Web Page,Gender,Birthday,Anniversary,Location,Language,Internet Free Busy,Notes,E-mail Address,E-mail 2 Address,E-mail 3 Address,Primary Phone\n" +
			"Ada,King,Lovelace,,,,,,,,,,,,ada@example.com,,,",
		want: []string{"ada@example.com", "Ada King Lovelace", "ada@example.com", "2024-01-31"},
	},
}

func TestPresets(t *testing.T) {
	tried := map[string]bool{}
	for _, c := range exports {
		tried[c.preset] = true
		rows, err := csv.NewReader(strings.NewReader(c.file)).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		m, err := mapping.New(mapping.Options{Preset: c.preset, Fields: c.given})
		if err != nil {
			t.Fatal(err)
		}
		r, err := m.Header(rows[0])
		if err != nil {
			t.Errorf("%s, %s: %v", c.preset, c.what, err)
			continue
		}
		body, err := r.Object(rows[1])
		if err != nil {
			t.Fatal(err)
		}
		var o map[string]string
		if err := json.Unmarshal(body, &o); err != nil {
			t.Fatal(err)
		}
		if got := []string{o["customerId"], o["name"], o["email"], o["createdAt"]}; !slices.Equal(got, c.want) {
			t.Errorf("%s, %s: got %q, want %q", c.preset, c.what, got, c.want)
		}
		if _, err := new(record.Decoder).Decode(body); err != nil {
			t.Errorf("%s, %s: %v", c.preset, c.what, err)
		}
	}
	for _, p := range mapping.Presets() {
		if !tried[p.Name] {
			t.Errorf("there is no export for the preset %s", p.Name)
		}
	}
	if want := []string{"google-contacts", "hubspot", "mailchimp", "salesforce", "shopify", "stripe", "woocommerce"}; !slices.Equal(slices.Sorted(maps.Keys(tried)), want) {
		t.Errorf("there are exports for %v", tried)
	}
}

// The documentation has a table of the presets.
func TestPresetsAreDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/producers.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range mapping.Presets() {
		row := fmt.Sprintf("| `%s` | %s | %s |\n", p.Name, p.Description, strings.Join(p.Columns, ", "))
		if !strings.Contains(string(page), row) {
			t.Errorf("docs/producers.md lacks the row\n%s", row)
		}
	}
}

// A preset says what its export lacks.
func TestPresetFaults(t *testing.T) {
	for what, c := range map[string]struct{ preset, header, want string }{
		"Shopify has no creation date": {
			"shopify", "Customer ID;First Name;Last Name;Email",
			`createdAt: Shopify exports no creation date; map createdAt to a column that you add, or to one date for all, such as '2024-01-31'; the header is "Customer ID", "First Name", "Last Name", "Email"`,
		},
		"nor has Google Contacts": {
			"google-contacts", "First Name;E-mail 1 - Value",
			`createdAt: Google Contacts exports no creation date; map createdAt to a column that you add, or to one date for all, such as '2024-01-31'; the header is "First Name", "E-mail 1 - Value"`,
		},
		"a property was not exported": {
			"hubspot", "Record ID;First Name;Email;Last Activity Date",
			`createdAt: there is no column "Create Date"; the header is "Record ID", "First Name", "Email", "Last Activity Date"`,
		},
		"a column of the preset is misspelt": {
			"hubspot", "Record ID;First Name;Email;Create Dte",
			`createdAt: there is no column "Create Date" (similar: "Create Dte"); the header is "Record ID", "First Name", "Email", "Create Dte"`,
		},
		"all columns of the preset are misspelt": {
			"woocommerce", "Username;dislay_name;user_emial;user_registred",
			`customerId: there is no column "customer_id"; name: there is no column "First Name"+" "+"Last Name" (similar: "dislay_name", "Username"); email: there is no column "Email" (similar: "user_emial"); createdAt: there is no column "date_registered" (similar: "user_registred"); the header is "Username", "dislay_name", "user_emial", "user_registred"`,
		},
		"Stripe's payments are no customers": {
			"stripe", "id;Description;Created (UTC);Amount;Customer ID;Customer Email",
			`email: there is no column "Email" (similar: "Customer Email"); the header is "id", "Description", "Created (UTC)", "Amount", "Customer ID", "Customer Email"`,
		},
	} {
		_, err := object(t, mapping.Options{Preset: c.preset}, c.header, "")
		var fault *mapping.HeaderError
		if !errors.As(err, &fault) || err.Error() != c.want {
			t.Errorf("%s: got\n%v, want\n%s", what, err, c.want)
		}
	}
}

// Where a row has no value in the columns of its name, it has another, and a note says
// so. An identity is not chosen by row.
func TestPresetsChooseByRow(t *testing.T) {
	constant := fields("createdAt", "'2024-01-31'")
	for what, c := range map[string]struct {
		preset, header string
		given          map[string]string
		rows           map[string]string // by row: a part of the record
		notes          []string
	}{
		"Shopify's companies": {
			preset: "shopify", given: constant, header: "Customer ID;First Name;Last Name;Email;Default Address Company",
			rows: map[string]string{
				"'1;Ada;Lovelace;a@b.co;ACME": `"name":"Ada Lovelace"`,
				"'2;;;b@b.co;ACME":            `"customerId":"2","name":"ACME"`,
				"'3; ;Byron;c@b.co;ACME":      `"name":"Byron"`,
				"'4;;;d@b.co;":                `"name":""`,
				";Ada;;e@b.co;":               `"customerId":""`,
			},
			notes: []string{`where "First Name" and "Last Name" are empty, name is "Default Address Company"`},
		},
		"HubSpot's companies": {
			preset: "hubspot", header: "hs_object_id;firstname;email;createdate;company",
			rows: map[string]string{"7;;a@b.co;2024;ACME": `"name":"ACME","email":"a@b.co"`, "8;Ada;a@b.co;2024;ACME": `"name":"Ada"`},
			notes: []string{
				`column "firstname" is read as "First Name" (name)`, `there is no column "Last Name" for name`, `column "company" is read as "Company" (name)`,
				`where "firstname" is empty, name is "company"`, `column "email" is read as email`, `column "createdate" is read as "Create Date" (createdAt)`,
				"createdAt is read as UTC unless a time zone is given; HubSpot writes it in the account's time zone",
			},
		},
		"Salesforce's names": {
			preset: "salesforce", header: "Id;FirstName;LastName;Name;Email;CreatedDate",
			rows: map[string]string{"1;;;Ada Lovelace;a@b.co;2024": `"name":"Ada Lovelace"`, "1;Ada;King;Ada Lovelace;a@b.co;2024": `"name":"Ada King"`},
			notes: []string{
				`column "FirstName" is read as "First Name" (name)`, `column "LastName" is read as "Last Name" (name)`,
				`where "FirstName" and "LastName" are empty, name is "Name"`,
			},
		},
		"Mailchimp's times": {
			preset: "mailchimp", header: "LEID;FNAME;LNAME;Email Address;OPTIN_TIME;CONFIRM_TIME",
			rows: map[string]string{
				"1;A;;a@b.co;2024-01-01;2024-01-02": `"createdAt":"2024-01-02"`,
				"1;A;;a@b.co;2024-01-01;":           `"createdAt":"2024-01-01"`,
			},
			notes: []string{`where "CONFIRM_TIME" is empty, createdAt is "OPTIN_TIME"`},
		},
		"Stripe's descriptions": {
			preset: "stripe", header: "id;Name;Description;Email;Created (UTC)",
			rows: map[string]string{"1;;do not call;a@b.co;2024": `"name":""`},
		},
		"Stripe without names": {
			preset: "stripe", header: "id;Description;Email;Created (UTC)",
			rows:  map[string]string{"1;Ada;a@b.co;2024": `"name":"Ada"`},
			notes: []string{"name is the Description, since there is no column Name; if it has other texts than names, map name"},
		},
		"an ambiguous alternative": {
			preset: "shopify", given: constant, header: "Customer ID;First Name;Last Name;Email;company;COMPANY",
			rows: map[string]string{"1;Ada;;e@b.co;x;y": `"name":"Ada"`},
		},
	} {
		m, err := mapping.New(mapping.Options{Preset: c.preset, Fields: c.given})
		if err != nil {
			t.Fatal(err)
		}
		r, err := m.Header(strings.Split(c.header, ";"))
		if err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		if !slices.Equal(r.Notes(), c.notes) {
			t.Errorf("%s: notes %q, want %q", what, r.Notes(), c.notes)
		}
		for row, want := range c.rows {
			if body, err := r.Object(strings.Split(row, ";")); err != nil || !strings.Contains(string(body), want) {
				t.Errorf("%s: %s of %s, %v, lacks %s", what, body, row, err, want)
			}
		}
	}
}

// An object has its own alternatives too.
func TestPresetsChooseByObject(t *testing.T) {
	m, err := mapping.New(mapping.Options{Preset: "hubspot"})
	if err != nil {
		t.Fatal(err)
	}
	for object, want := range map[string]string{
		`{"First Name":"Ada","Company":"ACME"}`:                    `"name":"Ada"`,
		`{"First Name":"","Last Name":null,"Company Name":"ACME"}`: `"name":"ACME"`,
		`{"Company":"ACME"}`:                                       `"name":"ACME"`,
	} {
		if body, err := m.Object([]byte(object)); err != nil || !strings.Contains(string(body), want) {
			t.Errorf("%s of %s, %v, lacks %s", body, object, err, want)
		}
	}
}

// Stripe says that its times are in UTC, so no time zone shifts them.
func TestStripesTimesAreInUTC(t *testing.T) {
	const header, row = "id;Name;Email;Created (UTC)", "1;Ada;a@b.co;2024-01-31 12:30"
	got, err := object(t, mapping.Options{Preset: "stripe", Zone: zone(t, "Europe/Berlin")}, header, row)
	if err != nil || !strings.Contains(got, `"createdAt":"2024-01-31T12:30:00Z"`) {
		t.Errorf("%s, %v", got, err)
	}
}

// A column with the name of a field is used if the preset's are missing.
func TestPresetAndOwnNames(t *testing.T) {
	got, err := object(t, mapping.Options{Preset: "shopify"}, "Customer ID;Name;Email;Created At", "'42;Ada;a@b.co;2024")
	if want := `{"customerId":"42","name":"Ada","email":"a@b.co","createdAt":"2024"}`; err != nil || got != want {
		t.Errorf("got %s, %v, want %s", got, err, want)
	}
}
