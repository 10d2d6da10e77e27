package mapping_test

import (
	"fmt"

	"ingestion/producer/mapping"
)

func ExampleNew() {
	m, err := mapping.New(mapping.Options{
		Fields:     map[string]string{"name": "First Name+ +Last Name", "createdAt": "Joined"},
		TimeFormat: "%d/%m/%Y",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	rows, err := m.Header([]string{"Customer ID", "First Name", "Last Name", "email", "Joined", "City"})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, note := range rows.Notes() {
		fmt.Println(note)
	}
	for _, row := range [][]string{
		{"42", "Ada", "Lovelace", "ada@example.com", "31/01/2024", "London"},
		{"7", "Alan", "Turing", "alan@example.com", "2024-01-31", "Wilmslow"},
	} {
		body, err := rows.Object(row)
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Printf("%s\n", body)
	}
	// Output:
	// column "Customer ID" is read as customerId
	// {"customerId":"42","name":"Ada Lovelace","email":"ada@example.com","createdAt":"2024-01-31T00:00:00Z","City":"London"}
	// createdAt: column 5 ("Joined"): "2024-01-31" is not in the time format "%d/%m/%Y", such as "31/01/2024"
}

// A path finds a value in a nested object.
func ExampleMapping_Object() {
	m, err := mapping.New(mapping.Options{
		Fields:     map[string]string{"customerId": "$.user.id", "email": "$.user.emails[0]", "createdAt": "$.user.created"},
		TimeFormat: "unix",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	body, err := m.Object([]byte(`{"name":"Ada","user":{"id":42,"emails":["ada@example.com"],"created":1706702400}}`))
	fmt.Printf("%s %v\n", body, err)
	// Output:
	// {"customerId":"42","email":"ada@example.com","createdAt":"2024-01-31T12:00:00Z","name":"Ada","user":{"id":42,"emails":["ada@example.com"],"created":1706702400}} <nil>
}

func ExamplePresets() {
	for _, p := range mapping.Presets() {
		fmt.Printf("%s reads %q\n", p.Name, p.Columns)
	}
	// Output:
	// shopify reads ["Customer ID" "Email" "First Name" "Last Name" "Default Address Company" "Company"]
	// hubspot reads ["Record ID" "hs_object_id" "Contact ID" "First Name" "Last Name" "Company Name" "Company" "Associated Company" "Email" "Create Date"]
	// salesforce reads ["Id" "Contact ID" "Lead ID" "First Name" "Last Name" "Name" "Full Name" "Email" "CreatedDate"]
	// mailchimp reads ["LEID" "EUID" "First Name" "Last Name" "FNAME" "LNAME" "Name" "Email Address" "Email" "CONFIRM_TIME" "OPTIN_TIME"]
	// stripe reads ["id" "Name" "Description" "Email" "Created (UTC)" "Created"]
	// woocommerce reads ["customer_id" "ID" "Email" "First Name" "Last Name" "billing_first_name" "billing_last_name" "billing_company" "display_name" "Name" "user_email" "date_registered" "user_registered" "Sign Up"]
	// google-contacts reads ["E-mail 1 - Value" "E-mail Address" "First Name" "Middle Name" "Last Name" "Given Name" "Additional Name" "Family Name" "Name" "Organization Name" "Organization 1 - Name" "Company"]
}
